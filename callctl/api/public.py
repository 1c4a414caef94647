"""On loopback TCP, for machines that watch: /metrics, /healthz, /readyz. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from callctl.api.ports import Condition, Desk
from callctl.api.problems import as_problems
from callctl.runtime.views import Plain

Exposition = Callable[[], bytes]
"""The metrics as text (version 0.0.4 of Prometheus' format)."""

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def public_app(desk: Desk, exposition: Exposition) -> web.Application:
    """/metrics, /healthz (200: the loop turns), /readyz (200 or 503, with reasons)."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=exposition(), headers={"Content-Type": _METRICS_TYPE})

    async def healthz(_: web.Request) -> web.Response:
        alive = desk.health().alive
        return web.json_response({"alive": alive.ok, "why": alive.why}, status=200 if alive.ok else 503)

    async def readyz(_: web.Request) -> web.Response:
        body = readiness(desk)
        return web.json_response(body, status=200 if body["ready"] else 503)

    app = web.Application(middlewares=[as_problems], client_max_size=1024)
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    return app


def readiness(desk: Desk) -> Plain:
    """Whether callctl is ready, why not, and every condition."""
    health = desk.health()
    conditions = (health.alive, *health.ready)
    failed = [c for c in conditions if c.needed and not c.ok]
    return {
        "ready": not failed,
        "reasons": [f"{c.name}: {c.why}" for c in failed],
        "conditions": [_condition(c) for c in conditions],
    }


def _condition(condition: Condition) -> Plain:
    return {
        "name": condition.name,
        "ok": condition.ok,
        "needed": condition.needed,
        "why": condition.why,
    }
