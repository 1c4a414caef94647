"""What requests say: whether to unmask, who asks, and a body of a known form."""

from __future__ import annotations

import socket
import struct
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from callctl.api.problems import ProblemError
from callctl.runtime.masking import Masking

_T = TypeVar("_T", bound=BaseModel)
MOST = 1000
"""Records, or events, of one answer."""


def masking_of(request: web.Request) -> Masking:
    return Masking(unmask=request.query.get("unmask") == "1")


def limit_of(request: web.Request) -> int:
    """How many are asked for."""
    said = request.query.get("limit", "20")
    if not (said.isascii() and said.isdigit() and len(said) <= 4 and 1 <= int(said) <= MOST):
        raise ProblemError(400, "wrong limit", f"limit={said[:20]!r}", f"limit is a whole number from 1 to {MOST}")
    return int(said)


async def body_of(request: web.Request, kind: type[_T], right: str) -> _T:
    """The body as `kind`; `right`: an example, for who sent another."""
    raw = await request.read()
    try:
        return kind.model_validate_json(raw or b"{}")
    except ValidationError as error:
        said = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors(include_url=False)
        )
        raise ProblemError(400, "wrong body", said, f"a JSON object: {right}") from None


def who(request: web.Request) -> str:
    """Who asks: the kernel says which user opened the socket."""
    sock = request.transport.get_extra_info("socket") if request.transport is not None else None
    if sock is None or sock.family != socket.AF_UNIX:
        return "api"
    _, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return f"api:uid={uid}"
