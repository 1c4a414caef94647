"""The command line's side: small HTTP requests over the control socket, with the standard library alone."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

TIMEOUT = 15.0
"""Seconds; a status change waits for its commit, a reload for the whole configuration."""


LONGEST = 1000
"""Characters of a name in a request."""


class NoDaemonError(Exception):
    """Nobody answers on the socket; `str()` names it and says what to do."""


class RefusedError(Exception):
    """The daemon's answer is a problem: `title`, `detail`, and what would be right, for people."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        said = str(body.get("detail") or body.get("title") or f"HTTP {status}")
        right = body.get("right")
        super().__init__(f"{said}; {right}" if right else said)
        self.status = status
        self.problems: list[str] = [str(line) for line in body.get("problems", [])]


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("callctl", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@dataclass(frozen=True, slots=True)
class Client:
    """Requests to a running daemon.

    Each raises NoDaemonError (nobody is there) or RefusedError (the answer is a problem).
    """

    path: Path

    def get(self, *parts: str, **query: str | int) -> dict[str, Any]:
        asked = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items())
        return self._request("GET", parts, asked, None)

    def post(self, *parts: str, **body: Any) -> dict[str, Any]:
        return self._request("POST", parts, "", body)

    def put(self, *parts: str, **body: Any) -> dict[str, Any]:
        return self._request("PUT", parts, "", body)

    def _request(self, method: str, parts: tuple[str, ...], query: str, body: Any) -> dict[str, Any]:
        if not all(parts) or any(len(part) > LONGEST for part in parts):
            raise RefusedError(400, {"detail": f"a name is empty, or longer than {LONGEST} characters"})
        target = "/v1/" + "/".join(quote(part, safe="") for part in parts) + (f"?{query}" if query else "")
        connection = _UnixConnection(self.path)
        try:
            sent = None if body is None else json.dumps(body).encode()
            headers = {} if sent is None else {"Content-Type": "application/json"}
            connection.request(method, target, sent, headers)
            response = connection.getresponse()
            raw = response.read()
        except OSError as error:
            raise NoDaemonError(self._unreachable(error)) from error
        except http.client.HTTPException as error:
            raise NoDaemonError(f"what listens on {self.path} does not speak as callctl does") from error
        finally:
            connection.close()
        return _answer(response.status, raw)

    def _unreachable(self, error: OSError) -> str:
        match error:
            case FileNotFoundError() | ConnectionRefusedError():
                why = "no daemon listens there; start one with `callctl run --config DIR`"
            case PermissionError():
                why = "you may not open it; ask as its owner or a user of its group"
            case BrokenPipeError() | ConnectionResetError():
                why = "whoever listens there hung up; is it callctl's?"
            case TimeoutError():
                why = f"the daemon did not answer in {TIMEOUT:g} s"
            case _:
                why = error.strerror or str(error)
        return f"control socket {self.path}: {why}"


def _answer(status: int, raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    if status >= 400:
        raise RefusedError(status, body)
    return body
