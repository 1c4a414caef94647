"""On a unix socket, for people and their tools: what is there, why it is so, and an agent's status.

Who may open the socket may do everything here: its mode is the door. Numbers and digits are masked unless the
request says `unmask=1`. Nothing from a request is interpreted: ids are looked up, text stays text.
"""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from callctl import __version__
from callctl.api import people
from callctl.api.causes import words
from callctl.api.explain import Teller, explain, still_waits
from callctl.api.ports import Desk, People, Record, Reloaded
from callctl.api.problems import ProblemError, as_problems, not_found
from callctl.api.public import readiness
from callctl.api.requests import body_of, limit_of, masking_of, who
from callctl.core.events import StatusAsked, SwitchAsked, Wish
from callctl.core.facts import StatusRefused
from callctl.core.ids import AgentId, CallId, MailboxId, SwitchId
from callctl.core.policy import MailboxPolicy
from callctl.core.waits import why_waits
from callctl.runtime import views
from callctl.runtime.mailboxes import BoxNow, Message
from callctl.runtime.masking import Masking
from callctl.runtime.views import Plain

LARGEST_BODY = 16 * 1024

_DESK: web.AppKey[Desk] = web.AppKey("desk", Desk)

Reason = Annotated[str, StringConstraints(strict=True, max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$")]


class StatusBody(BaseModel):
    """What a status change may carry."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = ""


class SwitchBody(BaseModel):
    """What a switch is to be."""

    model_config = ConfigDict(extra="forbid")

    on: Annotated[bool, Field(strict=True)]


def control_app(desk: Desk, people_desk: People | None = None) -> web.Application:
    """The /v1 API."""
    app = web.Application(middlewares=[as_problems], client_max_size=LARGEST_BODY)
    app[_DESK] = desk
    if people_desk is not None:
        people.add_routes(app, desk, people_desk)  # before the agents' wishes, of which a disposition is none
    route = app.router
    route.add_get("/v1/status", _status)
    route.add_get("/v1/calls", _calls)
    route.add_get("/v1/calls/{id}", _call)
    route.add_get("/v1/calls/{id}/explain", _explain)
    route.add_get("/v1/records", _records)
    route.add_get("/v1/agents", _agents)
    route.add_get("/v1/agents/{id}", _agent)
    route.add_post("/v1/agents/{id}/{wish}", _wish)
    route.add_get("/v1/queues", _queues)
    route.add_get("/v1/trunks", _trunks)
    route.add_get("/v1/switches", _switches)
    route.add_get("/v1/switches/{id}", _switch)
    route.add_put("/v1/switches/{id}", _turn)
    route.add_get("/v1/voicemail", _voicemail)
    route.add_get("/v1/voicemail/{box}", _mailbox)
    route.add_get("/v1/plan", _plan)
    route.add_post("/v1/reload", _reload)
    return app


# ── what is there ────────────────────────────────────────────────────────────────────────────────


async def _status(request: web.Request) -> web.Response:
    desk = request.app[_DESK]
    body = {
        "version": __version__,
        "policy": desk.world.policy.sha,
        "now": views.iso(desk.now()),
        **readiness(desk),
        "nodes": views.nodes(desk.world, desk.now()),
    }
    return web.json_response(body)


async def _calls(request: web.Request) -> web.Response:
    desk = request.app[_DESK]
    return web.json_response({"calls": views.calls(desk.world, desk.now(), masking_of(request))})


async def _call(request: web.Request) -> web.Response:
    desk, call = request.app[_DESK], _call_id(request)
    live = desk.world.calls.get(call)
    if live is not None:
        body = views.call(live, desk.now(), masking_of(request))
        body["waits"] = why_waits(desk.world, live, desk.now()) or None
        return web.json_response({"live": True, **body})
    record = await desk.record(call)
    if record is None:
        raise _no_call(call)
    return web.json_response({"live": False, **_record(record, masking_of(request))})


async def _explain(request: web.Request) -> web.Response:
    desk, call = request.app[_DESK], _call_id(request)
    events = await desk.events(call)
    live = desk.world.calls.get(call)
    if not events and live is None:
        raise _no_call(call)
    lines = explain(events, Teller(desk.world.policy, masking_of(request)))
    phase = None if live is None else views.CALL_PHASES[type(live.phase)]
    if live is not None and (waits := why_waits(desk.world, live, desk.now())):
        lines.append(still_waits(waits, desk.now(), live.entered))
    return web.json_response({"call": call, "live": live is not None, "phase": phase, "lines": lines})


async def _records(request: web.Request) -> web.Response:
    desk = request.app[_DESK]
    rows = await desk.records(limit_of(request))
    return web.json_response({"records": [_record(row, masking_of(request)) for row in rows]})


async def _agents(request: web.Request) -> web.Response:
    desk = request.app[_DESK]
    return web.json_response({"agents": views.agents(desk.world, desk.now())})


async def _agent(request: web.Request) -> web.Response:
    desk, agent = request.app[_DESK], _agent_id(request)
    view = _agent_view(desk, agent)
    if people.PEOPLE in request.app:
        view = await people.with_customer(request, view, agent)
    return web.json_response(view)


async def _queues(request: web.Request) -> web.Response:
    desk = request.app[_DESK]
    return web.json_response({"queues": views.queues(desk.world, desk.now())})


async def _trunks(request: web.Request) -> web.Response:
    desk = request.app[_DESK]
    return web.json_response({"trunks": views.trunks(desk.world.policy, desk.trunk_states, desk.now())})


async def _switches(request: web.Request) -> web.Response:
    return web.json_response({"switches": views.switches(request.app[_DESK].world)})


async def _switch(request: web.Request) -> web.Response:
    return web.json_response(_switch_view(request.app[_DESK], request.match_info["id"]))


async def _voicemail(request: web.Request) -> web.Response:
    desk = request.app[_DESK]
    counts = await desk.mailboxes()
    boxes = desk.world.policy.mailboxes
    return web.json_response({"mailboxes": [_box(box, counts.get(name)) for name, box in boxes.items()]})


async def _mailbox(request: web.Request) -> web.Response:
    desk, said = request.app[_DESK], request.match_info["box"]
    box = desk.world.policy.mailboxes.get(MailboxId(said))
    if box is None:
        raise not_found("mailbox", said, desk.world.policy.mailboxes)
    counts, messages = await desk.mailboxes(), await desk.messages(box.id)
    masking = masking_of(request)
    return web.json_response({**_box(box, counts.get(box.id)), "messages": [_message(it, masking) for it in messages]})


def _box(box: MailboxPolicy, now: BoxNow | None) -> Plain:
    """Null: Asterisk does not know the mailbox (yet)."""
    counts = (None, None) if now is None else (now.new, now.old)
    return {"id": box.id, "name": box.name, "new": counts[0], "old": counts[1], "lamp": list(box.lamp)}


def _message(it: Message, masking: Masking) -> Plain:
    return {
        "at": views.iso_or_none(it.at),
        "caller": masking.text(it.caller),
        "length": views.in_seconds(it.length),
        "new": it.new,
        "folder": it.folder,
    }


# ── what people ask for ──────────────────────────────────────────────────────────────────────────


async def _wish(request: web.Request) -> web.Response:
    desk, agent = request.app[_DESK], _agent_id(request)
    try:
        wish = Wish(request.match_info["wish"])
    except ValueError:
        raise not_found("agent action", request.match_info["wish"], (w.value for w in Wish)) from None
    body = await body_of(request, StatusBody, 'for pause with at most {"reason": "up to 40 characters"}')
    if body.reason and wish is not Wish.PAUSE:
        raise ProblemError(400, "wrong body", f"{wish.value} takes no reason", "give a reason with pause alone")
    facts = await desk.ask(StatusAsked(agent, wish, body.reason, by=who(request)))
    for fact in facts:
        if isinstance(fact, StatusRefused) and fact.agent == agent:
            raise ProblemError(409, "refused", f"{wish.value} of {agent} is refused: {fact.why}")
    return web.json_response(_agent_view(desk, agent))


async def _turn(request: web.Request) -> web.Response:
    desk, name = request.app[_DESK], request.match_info["id"]
    _switch_view(desk, name)
    body = await body_of(request, SwitchBody, '{"on": true}, or {"on": false}')
    await desk.ask(SwitchAsked(SwitchId(name), body.on, by=who(request)))
    return web.json_response(_switch_view(desk, name))


async def _plan(request: web.Request) -> web.Response:
    return web.json_response(_reloaded(await request.app[_DESK].plan()))


async def _reload(request: web.Request) -> web.Response:
    return web.json_response(_reloaded(await request.app[_DESK].reload()))


def _reloaded(result: Reloaded) -> Plain:
    if not result.ok:
        raise ProblemError(
            422,
            "the configuration is wrong",
            "nothing was changed: the configuration that was in force stays in force",
            "mend these and reload again",
            problems=list(result.problems),
        )
    return {"ok": True, "sha": result.sha, "changes": list(result.changes)}


# ── what requests say ────────────────────────────────────────────────────────────────────────────


def _call_id(request: web.Request) -> CallId:
    """A ULID; typed by people, so small letters are taken too."""
    said = request.match_info["id"]
    if len(said) != 26 or not (said.isascii() and said.isalnum()):
        raise ProblemError(
            404,
            "no such call",
            f"{said[:80]!r} is no call id",
            "a call id has 26 letters and digits: `callctl calls`",
        )
    return CallId(said.upper())


def _no_call(call: CallId) -> ProblemError:
    return ProblemError(
        404,
        "no such call",
        f"no call has the id {call}",
        "`callctl calls --ended 20` lists the newest that ended",
    )


def _switch_view(desk: Desk, said: str) -> Plain:
    switches = desk.world.policy.switches
    if said not in switches:  # a reload may have taken it away meanwhile
        raise not_found("switch", said, switches)
    return views.switch(desk.world, switches[SwitchId(said)])


def _agent_id(request: web.Request) -> AgentId:
    desk, said = request.app[_DESK], request.match_info["id"]
    if said not in desk.world.agents:
        raise not_found("agent", said, desk.world.agents)
    return AgentId(said)


def _agent_view(desk: Desk, agent: AgentId) -> Plain:
    found = desk.world.agents.get(agent)
    if found is None:  # a reload took the agent away meanwhile
        raise not_found("agent", agent, desk.world.agents)
    return views.agent(desk.world, found, desk.now())


def _record(it: Record, masking: Masking) -> Plain:
    """A record as JSON's types, with what must not be shown hidden."""
    return {
        "id": it.id,
        "node": it.node,
        "trunk": it.trunk,
        "phone": it.phone,
        "caller": masking.text(it.caller),
        "caller_name": masking.text(it.caller_name),
        "dialled": masking.text(it.dialled),
        "diverted_from": None if it.diverted_from is None else masking.text(it.diverted_from),
        "feature": it.feature,
        "entered": views.iso(it.entered),
        "answered_by_pbx": views.iso_or_none(it.answered_by_pbx),
        "menus": [views.menu_visit(visit, masking) for visit in it.menus],
        "queue": it.queue,
        "queued": views.iso_or_none(it.queued),
        "queues": [views.queue_visit(visit) for visit in it.queues],
        "rings": [views.ring(ring) for ring in it.rings],
        "agent": it.agent,
        "connected": views.iso_or_none(it.connected),
        "ended": views.iso_or_none(it.ended),
        "ended_by": it.ended_by,
        "outcome": it.outcome,
        "cause": it.cause,
        "sip": it.sip,
        "cause_words": words(it.cause, it.sip),
        "wrap_up_ended": views.iso_or_none(it.wrap_up_ended),
        "disposition": it.disposition,
        "disposition_by": it.disposition_by,
        "amount": it.amount,
        "note": it.note,
        "campaign": it.campaign,
        "attempt": it.attempt,
        "rang": views.iso_or_none(it.rang),
        "picked_up": views.iso_or_none(it.picked_up),
        "heard": it.heard,
        "harboured": views.iso_or_none(it.harboured),
        "message_left": views.iso_or_none(it.message_left),
        "asked_after": views.iso_or_none(it.asked_after),
        "path": list(it.path),
        "notes": {name: masking.text(said) for name, said in it.notes.items()},
        "waited": views.in_seconds(it.waited),
        "talked": views.in_seconds(it.talked),
    }
