"""Errors as RFC 9457 problem details: what is wrong, and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import structlog
from aiohttp import web

from callctl.api.ports import UnavailableError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("callctl.api")


class ProblemError(Exception):
    """An answer that is a problem; `right` says what would be right."""

    def __init__(self, status: int, title: str, detail: str, right: str = "", **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.body: dict[str, Any] = {"title": title, "status": status, "detail": detail}
        if right:
            self.body["right"] = right
        self.body.update(more)


def not_found(kind: str, name: str, known: Iterable[str]) -> ProblemError:
    """404 that names what is nearest to `name`, or what there is."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        right = f"did you mean {near[0]}?"
    elif names:
        right = f"there are {', '.join(names[:20])}" + (", …" if len(names) > 20 else "")
    else:
        right = f"no {kind} is there"
    return ProblemError(404, f"no such {kind}", f"no {kind} has the id {name[:80]!r}", right)


@web.middleware
async def as_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Everything that goes wrong leaves as application/problem+json; what nobody expected is logged."""
    try:
        return await handler(request)
    except ProblemError as problem:
        return answer(problem)
    except UnavailableError as error:
        return answer(ProblemError(503, "not now", str(error), "try again when `callctl` is ready: /readyz"))
    except web.HTTPException as error:
        return answer(_from_http(request, error))
    except Exception:
        _log.exception("request failed", method=request.method, path=request.path)
        return answer(ProblemError(500, "internal error", "callctl failed here; its log says how"))


def answer(problem: ProblemError) -> web.Response:
    return web.json_response(problem.body, status=problem.status, content_type="application/problem+json")


def _from_http(request: web.Request, error: web.HTTPException) -> ProblemError:
    match error:
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            return ProblemError(405, "method not allowed", f"{request.method} does not go here", f"use {allowed}")
        case web.HTTPNotFound():
            routes = {route.resource.canonical for route in request.app.router.routes() if route.resource is not None}
            return ProblemError(
                404,
                "no such path",
                f"nothing is at {request.path[:80]!r}",
                f"there are {', '.join(sorted(routes))}",
            )
        case web.HTTPRequestEntityTooLarge():
            return ProblemError(413, "too large", "the request's body is too large", "send at most 16 KiB")
        case _:
            return ProblemError(error.status, error.reason, error.text or error.reason)
