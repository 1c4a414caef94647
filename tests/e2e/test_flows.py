"""Flows on real parts: what callers hear and press, whom a lookup asks, and what is left of it in Postgres."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
import yaml
from aiohttp import web

from callctl.asterisk.provision import trunk_endpoint
from callctl.core.ids import TrunkId
from callctl.core.spoken import Saying, say
from callctl.lab.audio import Audio, join, read_wav, tone, write_wav
from callctl.lab.install import SOUNDS
from callctl.lab.phones import Behaviour
from callctl.lab.ports import HOST, free_tcp
from callctl.store.embedded import EmbeddedPostgres
from tests.e2e.floor import AGENT, CALLER, GOODBYE, MUSIC, SERVED, Caller, Floor
from tests.e2e.night import hears
from tests.e2e.test_call_path import connected
from tests.e2e.test_reload import Editor, editor  # noqa: F401 - a fixture

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

DID = "+442079460060"
FIRST, SECOND, THIRD = 1250.0, 1350.0, 1450.0
"""In Hz: the prompts of a menu's levels."""
COOKBOOK = Path(__file__).parents[2] / "docs/cookbook"
ALWAYS = {"zone": "Europe/London", "week": {"mon-sun": ["00:00-24:00"]}}
Nodes = Mapping[str, Any]


# ── what is heard ────────────────────────────────────────────────────────────────────────────


def recorded(floor: Floor, language: str, *media: str) -> Audio:
    """These sounds of Asterisk's, one after the other."""
    folder = (floor.house.node.installation.root or Path("/")) / SOUNDS / language
    if not folder.exists():
        pytest.skip(f"this machine's Asterisk has no sounds in {language}")
    return join([read_wav(folder / f"{it.removeprefix('sound:')}.wav") for it in media])


def sound(floor: Floor, name: str) -> str:
    """One of the floor's tones."""
    return f"sound:{floor.house.node.inside}/floor/{name}"


async def whole(caller: Caller) -> Audio:
    """All that the caller has heard, after hanging up."""
    await caller.line.hangup()
    await caller.line.wait_ended()
    return await caller.line.heard()


async def at_node(floor: Floor, caller: Caller, node: str, timeout: float = 10) -> None:
    """Until the caller is to press keys at this node."""
    await floor.until_call(lambda it: it["id"] == caller.call and it.get("menu") == node, timeout)
    await caller.line.wait_answered()  # callctl knows of the answer before the caller does


# ── what is written ──────────────────────────────────────────────────────────────────────────


async def in_force(editor: Editor, **sections: dict[str, Any]) -> None:  # noqa: F811
    """By the operator's own commands; every mistake is told here."""
    editor.write(**sections)
    code, out, err = await editor.callctl("reload")
    assert code == 0, f"{out}{err}"


async def one_flow(editor: Editor, nodes: Nodes, **more: Any) -> None:  # noqa: F811
    """A flow `f` that the number leads to, in force."""
    flow = {key: more.pop(key) for key in ("languages", "values") if key in more}
    await in_force(editor, flows={"f": {**flow, "nodes": nodes}}, numbers={DID: {"flow": "f"}}, **more)


def recipe(name: str, changed: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The flows of a recipe of the cookbook, with some text of it changed."""
    text = (COOKBOOK / name / f"{name}.yaml").read_text(encoding="utf-8")
    for old, new in (changed or {}).items():
        assert old in text
        text = text.replace(old, new)
    flows: dict[str, Any] = yaml.safe_load(text)["flows"]
    return flows


# ── languages, levels, digits ────────────────────────────────────────────────────────────────


async def test_the_same_sound_in_the_language_that_was_chosen(floor: Floor, editor: Editor) -> None:  # noqa: F811
    """Three callers, three languages: the sounds of one name, and the value, are those of each."""
    languages = {"1": "en", "2": "fr", "3": "es"}
    by_language = {"en": ["sound:hours"], "fr": ["sound:minutes"], "es": ["sound:seconds"]}
    nodes = {
        "hello": {"language": languages, "prompts": [sound(floor, "prompt")], "then": "tell"},
        "tell": {
            "play": ["sound:queue-thankyou", by_language, {"say": "date", "of": "2026-12-24"}],
            "then": "more",
        },
        "more": {"menu": [sound(floor, "prompt")], "options": {1: {"hang_up": "normal"}}, "give_up": "bye"},
        "bye": {"goes": {"hang_up": "normal"}},
    }
    await one_flow(editor, nodes, languages=["en", "fr", "es"])

    async def heard(key: str) -> Audio:
        caller = await floor.call(DID)
        await at_node(floor, caller, "f/hello")
        await caller.line.press(key)
        await at_node(floor, caller, "f/more", timeout=30)
        return await whole(caller)

    audio = dict(zip(languages, await asyncio.gather(*map(heard, languages)), strict=True))
    for key, language in languages.items():
        thanks = {it: recorded(floor, it, "queue-thankyou").between(0, 2) for it in by_language}
        for other, expected in thanks.items():
            assert (audio[key].likeness(expected) > 0.9) == (other == language), f"{language} heard, {other} compared"
        date = recorded(floor, language, *say(Saying.DATE, "2026-12-24", language))
        assert audio[key].likeness(date) > 0.9, language


async def test_three_levels_by_hours(floor: Floor, editor: Editor) -> None:  # noqa: F811
    """Open: down to a queue and back up. Closed by a reload: the same number says good-bye."""
    for name, hz in (("first", FIRST), ("second", SECOND), ("third", THIRD)):
        write_wav(floor.house.node.folder / f"floor/{name}.wav", tone(hz, 20, 0.3))

    def stays() -> dict[str, Any]:
        return {"give_up": {"hang_up": "normal"}, "timeout": "30s"}

    nodes = {
        "hours": {"hours": "front", "open": "first", "closed": "closed"},
        "first": {"menu": [sound(floor, "first")], "options": {1: "second", 2: {"hang_up": "normal"}}, **stays()},
        "second": {"menu": [sound(floor, "second")], "options": {1: "third", "*": "first"}, **stays()},
        "third": {"menu": [sound(floor, "third")], "options": {1: {"queue": "desk"}, "*": "second"}, **stays()},
        "closed": {"play": [sound(floor, "goodbye")], "then": {"hang_up": "normal"}},
    }
    await one_flow(editor, nodes, calendars={"front": ALWAYS})
    caller = await floor.call(DID)
    for hz, key in ((FIRST, "1"), (SECOND, "*"), (FIRST, "1"), (SECOND, "1"), (THIRD, "1")):
        await hears(caller.line, hz)
        await caller.line.press(key)
    await hears(caller.line, MUSIC)
    row = await floor.row_of_hangup(caller)
    levels = ["first", "second", "first", "second", "third"]
    assert [visit["menu"] for visit in row["menus"]] == [f"f/{it}" for it in levels]
    assert [visit["digits"] for visit in row["menus"]] == ["1", "*", "1", "1", "1"]
    assert row["queue"] == "desk"

    never = {"zone": "Europe/London", "week": {}}
    await one_flow(editor, nodes, calendars={"front": never})
    late = await floor.call(DID)
    await late.line.wait_ended()
    heard = await late.line.heard()
    assert heard.tone_seconds(GOODBYE) > 0.4
    assert heard.tone_seconds(FIRST) == 0


READ_BACK = {
    "order": {
        "gather": ["sound:vm-enter-num-to-call"], "into": "order", "digits": "3-6",
        "confirm": {"play": ["sound:queue-thankyou"]}, "then": "noted", "give_up": {"hang_up": "normal"},
    },
    "noted": {"note": {"order": "{order}"}, "then": {"hang_up": "normal"}},
}  # fmt: skip


async def test_digits_are_said_back_until_they_are_right(floor: Floor, editor: Editor) -> None:  # noqa: F811
    await one_flow(editor, READ_BACK)
    caller = await floor.call(DID)
    for digits, answer in (("579#", "2"), ("864#", "1")):
        await at_node(floor, caller, "f/order")
        await caller.line.press(digits)
        await at_node(floor, caller, "f/order?")
        await asyncio.sleep(recorded(floor, "en", *(f"digits/{it}" for it in digits[:3])).seconds + 1)
        await caller.line.press(answer)
    await caller.line.wait_ended()
    heard = await caller.line.heard()
    for digits in ("579", "864"):
        assert heard.likeness(recorded(floor, "en", *(f"digits/{it}" for it in digits))) > 0.9, digits
    assert heard.likeness(recorded(floor, "en", "digits/4", "digits/6", "digits/8")) < 0.9, "else this shows nothing"
    row = await floor.row(caller)
    assert json.loads(row["notes"]) == {"order": "864"}


async def test_keys_by_sip_info(floor: Floor, editor: Editor) -> None:  # noqa: F811
    """A carrier without RFC 4733."""
    await one_flow(editor, READ_BACK, trunks={"carrier": {"dtmf": "info"}})
    await until_dtmf(floor, "info")
    caller = await floor.call(DID, over="node-info")
    await at_node(floor, caller, "f/order")
    await caller.line.press("9075#")
    await at_node(floor, caller, "f/order?")
    await caller.line.press("1")
    await caller.line.wait_ended()
    row = await floor.row(caller)
    assert json.loads(row["notes"]) == {"order": "9075"}
    assert [visit["digits"] for visit in row["menus"]] == ["9075#", "1"]
    await in_force(editor)
    await until_dtmf(floor, "rfc4733")


async def until_dtmf(floor: Floor, mode: str) -> None:
    """Until Asterisk itself takes the trunk's keys so."""
    asks, told = f"pjsip show endpoint {trunk_endpoint(TrunkId('carrier'))}", rf"dtmf_mode +: {mode}\b"
    async with asyncio.timeout(10):
        while not re.search(told, await floor.house.node.cli(asks)):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)


async def test_who_is_inside_ends_on_the_version_that_they_began(floor: Floor, editor: Editor) -> None:  # noqa: F811
    """The file is edited under them (another good-bye, and their own node renamed away), and callctl is killed."""

    def nodes(menu: str, says: str) -> Nodes:
        return {
            menu: {"menu": [sound(floor, "prompt")], "options": {1: "bye"}, "give_up": "bye", "timeout": "30s"},
            "bye": {"play": [says], "then": {"hang_up": "normal"}},
        }

    await one_flow(editor, nodes("old", sound(floor, "goodbye")))
    inside = await floor.call(DID)
    await at_node(floor, inside, "f/old")
    await one_flow(editor, nodes("new", "sound:queue-thankyou"))
    later = await floor.call(DID)
    await at_node(floor, later, "f/new")
    await floor.house.daemon.kill()  # nobody's version was in memory alone
    await floor.house.daemon.start()
    for caller, node in ((inside, "f/old"), (later, "f/new")):
        await at_node(floor, caller, node)
        await caller.line.press("1")
        await caller.line.wait_ended(15)
    thanks = recorded(floor, "en", "queue-thankyou").between(0, 2)
    assert (await inside.line.heard()).tone_seconds(GOODBYE) > 0.4
    heard = await later.line.heard()
    assert heard.likeness(thanks) > 0.9
    assert heard.tone_seconds(GOODBYE) == 0


# ── lookups ──────────────────────────────────────────────────────────────────────────────────


class Shop:
    """An HTTP server of the operator's."""

    def __init__(self) -> None:
        self.port = free_tcp()
        self.asked: list[web.Request] = []
        self.answers: dict[str, Any] = {}
        """By path: JSON, or an HTTP status; of any other path nothing comes."""
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def open(self) -> None:
        app = web.Application()
        app.router.add_get("/{tail:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self.port).start()

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        answer = self.answers.get(request.path)
        if answer is None:
            await asyncio.sleep(30)
        if isinstance(answer, int):
            return web.Response(status=answer)
        return web.json_response(answer)


@pytest_asyncio.fixture(loop_scope="session")
async def shop() -> AsyncIterator[Shop]:
    built = Shop()
    await built.open()
    yield built
    await built.close()


async def orders(editor: Editor, shop: Shop) -> None:  # noqa: F811
    """The cookbook's flow, that asks this server and has less patience."""
    flows = recipe("orders", {"https://shop.example": shop.url, "timeout: 4s": "timeout: 1s"})
    queue = {"music": "floor", "wrap_up": "0s"}
    await in_force(editor, flows=flows, queues={"shop": queue}, numbers={DID: {"flow": "order_status"}})


async def keyed(floor: Floor, order: str, language: str = "1") -> Caller:
    """A caller who has keyed in an order's number, and said that it is right."""
    caller = await floor.call(DID)
    await at_node(floor, caller, "order_status/hello")
    await caller.line.press(language)
    await at_node(floor, caller, "order_status/number")
    await caller.line.press(order)
    await at_node(floor, caller, "order_status/number?")
    await caller.line.press("1")
    return caller


@pytest.mark.parametrize(("language", "key"), [("en", "1"), ("fr", "2")])
async def test_an_orders_day_and_amount_are_looked_up_and_said(
    floor: Floor,
    editor: Editor,  # noqa: F811
    shop: Shop,
    language: str,
    key: str,
) -> None:
    shop.answers = {
        "/orders/123456": {"state": "sent", "due": "2026-12-24", "total": "42.00 USD"},
        "/orders/654321": {"state": "open", "due": "2026-12-24", "total": "42.00 USD"},
    }
    await orders(editor, shop)
    sent, packed = await asyncio.gather(keyed(floor, "123456", key), keyed(floor, "654321", key))
    await asyncio.gather(sent.line.wait_ended(30), packed.line.wait_ended(30))  # nobody presses a key
    date = recorded(floor, language, *say(Saying.DATE, "2026-12-24", language))
    money = recorded(floor, language, *say(Saying.MONEY, "42.00 USD", language))
    heard = await sent.line.heard()
    assert heard.likeness(date) > 0.9
    assert heard.likeness(money) < 0.9
    heard = await packed.line.heard()
    assert heard.likeness(money) > 0.9
    assert heard.likeness(date) < 0.9
    assert sorted(it.path for it in shop.asked) == ["/orders/123456", "/orders/654321"]


async def test_whatever_the_server_does_the_caller_comes_to_somebody(
    floor: Floor,
    editor: Editor,  # noqa: F811
    shop: Shop,
) -> None:
    """It hangs; it has a mistake; it is gone."""
    shop.answers = {"/orders/500000": 500}
    await orders(editor, shop)
    before = await floor.house.daemon.metrics()
    hung, broken = await asyncio.gather(keyed(floor, "200000"), keyed(floor, "500000"))
    for caller, why in ((hung, "timeout"), (broken, "status")):
        await floor.until_phase(caller, "queued", timeout=15)
        assert f"{why}" in looked_up(await floor.cli("explain", caller.call))
    await shop.close()
    gone = await keyed(floor, "300000")
    await floor.until_phase(gone, "queued", timeout=15)
    assert "unreachable" in looked_up(await floor.cli("explain", gone.call))
    await hears(gone.line, MUSIC)
    changed = await floor.metrics_since(before)
    for outcome in ("timeout", "status", "unreachable"):
        assert changed[f'callctl_lookups_asked_total{{outcome="{outcome}"}}'] == 1
    for caller in (hung, broken, gone):
        row = await floor.row_of_hangup(caller)
        assert (row["queue"], row["outcome"]) == ("shop", "abandoned")


def looked_up(explained: str) -> str:
    return next(line for line in explained.splitlines() if "Looked up" in line)


# ── what is sensitive ────────────────────────────────────────────────────────────────────────

ACCOUNT, PIN = "49927398", "90417263"


async def rows_with(floor: Floor, text: str) -> list[str]:
    """Tables of which some row has this text in it."""
    connection = await asyncpg.connect(EmbeddedPostgres(floor.house.state / "postgres").url())
    try:
        tables = await connection.fetch("select table_name from information_schema.tables where table_schema='public'")
        names = sorted(str(row["table_name"]) for row in tables)
        assert {"call", "call_event"} <= set(names)
        asked = "select exists (select 1 from {} t where position($1 in t::text) > 0)"
        return [name for name in names if await connection.fetchval(asked.format(f'"{name}"'), text)]
    finally:
        await connection.close()


def files_with(folder: Path, text: str) -> list[str]:
    """Files below, whose bytes have this text in them; Postgres' own are among them."""
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file() and text.encode() in path.read_bytes():
                found.append(str(path.relative_to(folder)))
        except FileNotFoundError:  # the spool's come and go
            continue
    return found


async def test_a_pin_is_in_no_row_no_log_and_no_file(floor: Floor, editor: Editor, shop: Shop) -> None:  # noqa: F811
    """But for the server that judges it. Looked for while the caller waits, and when the call is over."""
    account = ACCOUNT[:7] + next(it for it in "0123456789" if luhn(ACCOUNT[:7] + it))
    shop.answers = {f"/callers/{account}": {"allowed": True, "tier": "gold"}}
    queue = {"music": "floor", "wrap_up": "0s"}
    flows = recipe("pin", {"https://bank.example": shop.url})
    await in_force(editor, flows=flows, queues={"advisers": queue}, numbers={DID: {"flow": "bank"}})
    caller = await floor.call(DID)
    await at_node(floor, caller, "identity/account")
    await caller.line.press(account)
    await at_node(floor, caller, "identity/pin")
    await caller.line.press(PIN)
    await floor.until_phase(caller, "queued")
    assert [it.query["pin"] for it in shop.asked] == [PIN]

    async def nowhere() -> None:
        state = floor.house.state
        assert await rows_with(floor, account), "else nothing is shown by what is not found"
        assert await rows_with(floor, PIN) == []
        assert await asyncio.to_thread(files_with, state, account)
        assert await asyncio.to_thread(files_with, state, PIN) == []
        log = floor.house.daemon.log.read_text(encoding="utf-8", errors="replace")
        assert caller.call in log
        assert PIN not in log
        assert PIN not in json.dumps(await floor.house.daemon.get("calls", unmask=1))
        assert PIN not in await floor.cli("explain", caller.call)

    await nowhere()
    row = await floor.row_of_hangup(caller)
    assert [visit["digits"] for visit in row["menus"]] == [account, "•" * len(PIN)]
    await nowhere()


def luhn(digits: str) -> bool:
    doubled = [int(it) * (1 + n % 2) for n, it in enumerate(reversed(digits))]
    return sum(it - 9 * (it > 9) for it in doubled) % 10 == 0


# ── a feature code ───────────────────────────────────────────────────────────────────────────


async def test_a_code_closes_a_flow_and_opens_it_again(floor: Floor, editor: Editor) -> None:  # noqa: F811
    """By the cookbook's calendar that is always open, but for the switch."""
    written = yaml.safe_load((COOKBOOK / "emergency/emergency.yaml").read_text(encoding="utf-8"))
    calendars = {"no_emergency": written["calendars"]["no_emergency"], "always": ALWAYS}
    flows = recipe("emergency", {"hours: office,": "hours: always,"})
    queue = {"music": "floor", "wrap_up": "0s"}
    await in_force(editor, flows=flows, calendars=calendars, queues={"office": queue}, numbers={DID: {"flow": "front"}})

    async def comes_to(node: str) -> None:
        caller = await floor.call(DID)
        await at_node(floor, caller, f"front/{node}")
        await caller.line.hangup()

    async def dial(code: str) -> None:
        line = await floor.dial("phone107", code)
        await line.wait_answered()
        await line.wait_ended(15)

    try:
        await comes_to("menu")
        await dial("*70")
        await comes_to("closed_today")
        await dial("*70")
        await comes_to("menu")
    finally:
        await floor.cli("switch", "closed_today", "off")  # the house is everybody's


# ── after the talk ───────────────────────────────────────────────────────────────────────────


async def test_a_survey_after_the_talk_is_in_postgres_beside_the_agent(
    floor: Floor,
    editor: Editor,  # noqa: F811
) -> None:
    queue = {"music": "floor", "wrap_up": "0s", "after": {"flow": "survey"}}
    agents = {"agent6": {"queues": [*SERVED, "service"]}}
    numbers = {DID: {"queue": "service"}}
    await in_force(editor, flows=recipe("survey"), queues={"service": queue}, agents=agents, numbers=numbers)
    await floor.staff("agent6", how=Behaviour.answer())
    rung = len(floor.house.network.arrivals)
    caller = await floor.call(DID, tone_hz=CALLER)
    assert await connected(floor, caller) == "agent6"
    arrival = await floor.house.network.wait_arrival(phone="phone106", after=rung)
    await caller.line.wait_heard(lambda audio: audio.has_tone(AGENT, 0.9), "the agent", last=0.5)
    await asyncio.sleep(0.5)  # longer than `least_talk`: they have talked
    await floor.house.network.line(arrival.channel).hangup()
    await at_node(floor, caller, "survey/talk")
    await caller.line.press("7")  # there is no such mark
    await asyncio.sleep(0.5)
    await caller.line.press("4")
    await at_node(floor, caller, "survey/solved")
    await caller.line.press("1")
    await caller.line.wait_ended(15)
    assert (await caller.line.heard()).likeness(recorded(floor, "en", "auth-thankyou")) > 0.9
    row = await floor.row(caller)
    assert [visit["digits"] for visit in row["menus"]] == ["74", "1"]
    assert json.loads(row["notes"]) == {"csat": "4", "solved": "yes"}
    assert (row["agent"], row["queue"], row["outcome"]) == ("agent6", "service", "answered")
    assert await marks(floor, caller) == [("agent6", "4")]


async def marks(floor: Floor, caller: Caller) -> Sequence[tuple[str, str]]:
    """As the cookbook's page has it."""
    connection = await asyncpg.connect(EmbeddedPostgres(floor.house.state / "postgres").url())
    try:
        query = "select agent, notes->>'csat' as csat from call where notes ? 'csat' and id = $1"
        return [(row["agent"], row["csat"]) for row in await connection.fetch(query, caller.call)]
    finally:
        await connection.close()
