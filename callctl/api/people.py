"""On the control socket: campaigns, the people on their lists, who is not to be called, what calls came to."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from callctl.api.explain import Teller, explain
from callctl.api.ports import Desk, People
from callctl.api.problems import ProblemError, not_found
from callctl.api.requests import body_of, limit_of, masking_of, who
from callctl.core.addresses import E164
from callctl.core.contacts import Number
from callctl.core.events import (
    CampaignAsked,
    CampaignWish,
    ConsentAsked,
    DispositionChosen,
    DoNotCallAsked,
    PreviewAsked,
    PreviewWish,
)
from callctl.core.facts import CampaignRefused, DispositionRefused, PreviewRefused
from callctl.core.ids import SECOND, AgentId, CampaignId, ContactId, DispositionId, Micros
from callctl.core.law import AttemptOutcome
from callctl.core.model import Dialling, OnCall, Previewing, WrapUp
from callctl.core.policy import NumberRules
from callctl.numbers import Numbering
from callctl.places import number_of
from callctl.runtime import views
from callctl.runtime.views import Plain

DESK: web.AppKey[Desk] = web.AppKey("people's desk", Desk)
PEOPLE: web.AppKey[People] = web.AppKey("people", People)

Line = Annotated[str, StringConstraints(strict=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Scope = Annotated[str, StringConstraints(strict=True, pattern=r"^(\*|[a-z][a-z0-9_-]{0,39})$")]
OLDEST_CONSENT = SECOND
"""Microseconds since 1970."""
CLAIM_PATIENCE, CLAIM_LOOK = 3.0, 0.05
"""Seconds for which an agent who wants a contact waits until some are read, and between two looks."""


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DoNotCallBody(Body):
    number: Line = ""
    prefix: Line = ""
    campaign: Line = ""
    how: Line = ""


class RecycleBody(Body):
    of: Annotated[list[AttemptOutcome], Field(min_length=1)]
    dry_run: Annotated[bool, Field(strict=True)] = False


class ConsentBody(Body):
    number: Line
    scope: Scope
    how: Line = ""
    given: datetime | None = None


class EraseBody(Body):
    number: Line
    forget: Annotated[bool, Field(strict=True)] = False


class PreviewBody(Body):
    wish: PreviewWish


class DispositionBody(Body):
    disposition: Line
    amount: Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9]{1,12}(\.[0-9]{1,2})?$")] | None = None
    note: Annotated[str, StringConstraints(strict=True, max_length=500)] = ""
    callback: datetime | None = None
    mine: Annotated[bool, Field(strict=True)] = False


def add_routes(app: web.Application, desk: Desk, people: People) -> None:
    """The /v1 API's part about people."""
    app[DESK], app[PEOPLE] = desk, people
    route = app.router
    route.add_get("/v1/campaigns", _campaigns)
    route.add_get("/v1/campaigns/{id}", _campaign)
    route.add_get("/v1/campaigns/{id}/live", _live)
    route.add_get("/v1/campaigns/{id}/explain", _decided)
    route.add_get("/v1/campaigns/{id}/compliance", _compliance)
    route.add_post("/v1/campaigns/{id}/recycle", _recycle)
    route.add_post("/v1/campaigns/{id}/{wish}", _wish)
    route.add_get("/v1/do-not-call/{number}", _listed)
    route.add_get("/v1/contacts/{id}/explain", _explain)
    route.add_post("/v1/do-not-call/add", _do_not_call)
    route.add_post("/v1/do-not-call/remove", _do_not_call)
    route.add_post("/v1/do-not-call/read", _read_lists)
    route.add_get("/v1/people/{number}", _person)
    route.add_post("/v1/people/erase", _erase)
    route.add_post("/v1/consent/give", _consent)
    route.add_post("/v1/consent/revoke", _consent)
    route.add_post("/v1/agents/{id}/disposition", _disposition)
    route.add_post("/v1/agents/{id}/preview", _preview)


# ── campaigns ────────────────────────────────────────────────────────────────────────────────────


async def _campaigns(request: web.Request) -> web.Response:
    return web.json_response({"campaigns": await request.app[PEOPLE].campaigns()})


async def _campaign(request: web.Request) -> web.Response:
    return web.json_response(await request.app[PEOPLE].campaign(_campaign_id(request, request.match_info["id"])))


async def _live(request: web.Request) -> web.Response:
    """Asked once a second by who watches: no question to the database."""
    return web.json_response(request.app[PEOPLE].live(_campaign_id(request, request.match_info["id"])))


async def _decided(request: web.Request) -> web.Response:
    """What was decided, and why."""
    name = _campaign_id(request, request.match_info["id"])
    events = await request.app[PEOPLE].decided(name, limit_of(request))
    teller = Teller(request.app[DESK].world.policy, masking_of(request))
    return web.json_response({"campaign": name, "lines": explain(events, teller)})


async def _compliance(request: web.Request) -> web.Response:
    name = _campaign_id(request, request.match_info["id"])
    rows = request.query.get("rows") == "1"
    return web.json_response(await request.app[PEOPLE].compliance(name, masking_of(request), rows))


async def _wish(request: web.Request) -> web.Response:
    name = _campaign_id(request, request.match_info["id"])
    try:
        wish = CampaignWish(request.match_info["wish"])
    except ValueError:
        raise not_found("campaign action", request.match_info["wish"], (w.value for w in CampaignWish)) from None
    for fact in await request.app[DESK].ask(CampaignAsked(name, wish, who(request))):
        if isinstance(fact, CampaignRefused):
            raise ProblemError(409, "refused", f"{wish.value} of {name} is refused: {fact.why}")
    return web.json_response(await request.app[PEOPLE].campaign(name))


async def _recycle(request: web.Request) -> web.Response:
    name = _campaign_id(request, request.match_info["id"])
    body = await body_of(request, RecycleBody, '{"of": ["busy", "no_answer"], "dry_run": true}')
    count = await request.app[PEOPLE].recycle(name, body.of, body.dry_run)
    return web.json_response({"campaign": name, "contacts": count, "dry_run": body.dry_run})


def _campaign_id(request: web.Request, said: str) -> CampaignId:
    known = request.app[DESK].world.policy.campaigns
    if said not in known:
        raise not_found("campaign", said, known)
    return CampaignId(said)


# ── contacts ─────────────────────────────────────────────────────────────────────────────────────


async def _explain(request: web.Request) -> web.Response:
    """By its number, a telephone number, or the house's own name for it."""
    said = request.match_info["id"][:200]
    number = _parsed(request, said)
    found = await request.app[PEOPLE].explain(said, number if isinstance(number, E164) else None, masking_of(request))
    if not found:
        right = "a contact is found by its number here, a telephone number, or the `key` of its list"
        raise ProblemError(404, "no such contact", f"no contact is known as {said[:80]!r}", right)
    return web.json_response({"contacts": found})


# ── who is not called, and who may be ────────────────────────────────────────────────────────────


async def _do_not_call(request: web.Request) -> web.Response:
    body = await body_of(request, DoNotCallBody, '{"number": "+442079460000"}, or a "prefix"; "campaign", "how"')
    if bool(body.number) == bool(body.prefix):
        raise ProblemError(400, "wrong body", "a number or a prefix", "give one of both")
    digits = _number(request, body.number).digits if body.number else _prefix(body.prefix)
    scope = _campaign_id(request, body.campaign) if body.campaign else ""
    off = request.path.endswith("/remove")
    how = body.how or f"by {who(request)}"
    await request.app[DESK].ask(DoNotCallAsked(digits, scope, bool(body.prefix), off, how))
    listed = "may be called again" if off else "is not called any more"
    return web.json_response({"digits": f"+{digits}", "prefix": bool(body.prefix), "scope": scope, "now": listed})


async def _listed(request: web.Request) -> web.Response:
    number = _number(request, request.match_info["number"])
    return web.json_response({"number": str(number), "entries": await request.app[PEOPLE].listed(number)})


def _prefix(said: str) -> str:
    digits = said.removeprefix("+")
    if not (said.startswith("+") and re.fullmatch("[1-9][0-9]{0,13}", digits)):
        raise ProblemError(400, "wrong prefix", f"{said[:40]!r} begins no number", "write it as +4470")
    return digits


async def _read_lists(request: web.Request) -> web.Response:
    read = await request.app[PEOPLE].read_lists()
    return web.json_response({"numbers": read.numbers, "prefixes": read.prefixes})


async def _consent(request: web.Request) -> web.Response:
    body = await body_of(request, ConsentBody, '{"number": "+44…", "scope": "sales", "how": "on paper"}')
    number = _number(request, body.number)
    given = request.path.endswith("/give")
    if given and not body.how:
        raise ProblemError(400, "wrong body", "how it was given is missing", "say where the proof is: `how`")
    at = _micros(body.given) if body.given is not None else 0
    if at and not OLDEST_CONSENT < at <= request.app[DESK].now():
        right = "write when it was given, since 1970 and not in the future; leave it out for now"
        raise ProblemError(400, "wrong time", f"{body.given} cannot be", right)
    how = body.how or f"by {who(request)}"
    await request.app[DESK].ask(ConsentAsked(number, body.scope, given, how, at))
    return web.json_response({"number": str(number), "scope": body.scope, "consent": "given" if given else "revoked"})


# ── one person's data ────────────────────────────────────────────────────────────────────────────


async def _person(request: web.Request) -> web.Response:
    return web.json_response(await request.app[PEOPLE].person(_number(request, request.match_info["number"])))


async def _erase(request: web.Request) -> web.Response:
    body = await body_of(request, EraseBody, '{"number": "+442079460000", "forget": false}')
    number = _number(request, body.number)
    return web.json_response(await request.app[PEOPLE].erase(number, body.forget))


# ── what a call came to ──────────────────────────────────────────────────────────────────────────


async def _disposition(request: web.Request) -> web.Response:
    body = await body_of(request, DispositionBody, '{"disposition": "sold", "amount": "99.50", "note": "…"}')
    desk, agent = request.app[DESK], _agent_id(request)
    if body.disposition not in desk.world.policy.dispositions:
        raise not_found("disposition", body.disposition, desk.world.policy.dispositions)
    number = _of_call(desk, agent)
    chosen = DispositionChosen(
        agent,
        DispositionId(body.disposition),
        None if body.amount is None else _hundredths(body.amount),
        "".join(c if c.isprintable() else " " for c in body.note),
        None if body.callback is None else _when(body.callback, number),
        body.mine,
        number,
    )
    for fact in await desk.ask(chosen):
        if isinstance(fact, DispositionRefused):
            raise ProblemError(409, "refused", f"{body.disposition} by {agent} is refused: {fact.why}")
    at = None if chosen.callback_at is None else _iso(chosen.callback_at)
    return web.json_response({"agent": agent, "disposition": body.disposition, "callback": at})


def _of_call(desk: Desk, agent: AgentId) -> Number | None:
    """The number that the agent talks with, or has just talked with."""
    state = desk.world.agents[agent].state
    call = desk.world.calls.get(state.call) if isinstance(state, OnCall | WrapUp) else None
    return number_of(call.caller) if call is not None and isinstance(call.caller, E164) else None


# ── who is looked at before the call ─────────────────────────────────────────────────────────────


async def _preview(request: web.Request) -> web.Response:
    body = await body_of(request, PreviewBody, '{"wish": "next"}, or "dial", or "skip"')
    desk, agent = request.app[DESK], _agent_id(request)
    asked = PreviewAsked(agent, body.wish, who(request))
    why_not = await _why_not(desk, asked)
    if why_not and body.wish is PreviewWish.NEXT and await _contacts_come(desk):
        why_not = await _why_not(desk, asked)
    if why_not:
        raise ProblemError(409, "refused", f"{body.wish.value} by {agent} is refused: {why_not}")
    found = desk.world.agents.get(agent)
    if found is None:  # a reload took the agent away meanwhile
        raise not_found("agent", agent, desk.world.agents)
    return web.json_response(await with_customer(request, views.agent(desk.world, found, desk.now()), agent))


async def _why_not(desk: Desk, asked: PreviewAsked) -> str:
    """Ask; why it is refused, or nothing."""
    refused = (fact for fact in await desk.ask(asked) if isinstance(fact, PreviewRefused))
    return next((fact.why for fact in refused if fact.agent == asked.agent), "")


async def _contacts_come(desk: Desk) -> bool:
    """Whether contacts were being read: a campaign that has none ready asks for some when somebody wants one."""
    wanted = dict(desk.world.outbound.claiming)
    for _ in range(round(CLAIM_PATIENCE / CLAIM_LOOK) if wanted else 0):
        if desk.world.outbound.claiming != wanted:
            break
        await asyncio.sleep(CLAIM_LOOK)
    return bool(wanted)


async def with_customer(request: web.Request, body: Plain, agent: AgentId) -> Plain:
    """An agent's view, and whom the agent looks at or talks with, of a campaign's list."""
    world = request.app[DESK].world
    state = world.agents[agent].state
    contact: ContactId | None = None
    if isinstance(state, Previewing):
        contact = state.contact
    elif isinstance(state, Dialling | OnCall | WrapUp) and (call := world.calls.get(state.call)) is not None:
        contact = call.contact
    found = None if contact is None else await request.app[PEOPLE].customer(contact, masking_of(request))
    return {**body, "customer": found}


def _agent_id(request: web.Request) -> AgentId:
    known, said = request.app[DESK].world.agents, request.match_info["id"]
    if said not in known:
        raise not_found("agent", said, known)
    return AgentId(said)


def _when(at: datetime, number: Number | None) -> Micros:
    """A time without an offset is by the clock where the customer is."""
    if at.tzinfo is not None:
        return _micros(at)
    if not 1970 < at.year < 9999:
        raise ProblemError(400, "wrong time", f"{at} cannot be", "write a time such as 2026-11-28T15:00")
    moments = {at.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for zone in (number.zones if number else ())}
    if len(moments) != 1:
        right = "give the time with its offset, such as 2026-11-28T15:00+01:00"
        raise ProblemError(400, "whose clock?", "nobody knows in which time zone the customer is", right)
    return _micros(moments.pop())


def _hundredths(amount: str) -> int:
    whole, _, part = amount.partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0") or 0)


# ── what requests say ────────────────────────────────────────────────────────────────────────────


def _parsed(request: web.Request, text: str) -> object:
    policy = request.app[DESK].world.policy
    return Numbering.of(policy).parse(text, NumberRules(country=policy.country))


def _number(request: web.Request, text: str) -> E164:
    found = _parsed(request, text)
    if not isinstance(found, E164):
        right = "write a valid number of the public network, such as +442079460000"
        raise ProblemError(400, "wrong number", f"{text[:40]!r} is no telephone number", right)
    return found


def _micros(at: datetime) -> Micros:
    moment = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _iso(at: Micros) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at // SECOND)).isoformat()
