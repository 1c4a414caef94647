"""The API in this process, over real sockets; behind it a fake Desk (tests/adapters/desk.py)."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from callctl.api.causes import words
from callctl.api.control import control_app
from callctl.api.explain import Teller, explain, length, whither
from callctl.api.ports import Condition, Desk, Reloaded
from callctl.api.public import public_app
from callctl.api.server import ListenError, listen_tcp, listen_unix
from callctl.core.events import StatusAsked, SwitchAsked, Wish
from callctl.core.facts import AskedAfter, CallEnded, CallRequeued, Fact, FlowedOut, GhostAnswered, TrunkChanged
from callctl.core.ids import SECOND, MenuId, TrunkId
from callctl.core.model import Available, Offered, Outcome, Party, Paused, Place, Rung
from callctl.core.policy import Announce, Feature, HangUp, HangupReason, Overflow, ToMenu, ToQueue
from callctl.runtime import views
from callctl.runtime.masking import MASKED, Masking
from callctl.telemetry.metrics import Metrics
from tests.adapters import desk as at_noon
from tests.adapters.desk import ANA, FIRE, NOON, OVER, SALES, TALKING, WAITING, FakeDesk

pytestmark = pytest.mark.adapter


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


class Caller:
    """Asks the control socket."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, path: str) -> tuple[int, dict[str, Any]]:
        async with self._session.get(f"http://callctl{path}") as response:
            return response.status, await response.json(content_type=None)

    async def put(self, path: str, data: bytes) -> tuple[int, dict[str, Any]]:
        async with self._session.put(f"http://callctl{path}", data=data) as answer:
            return answer.status, await answer.json(content_type=None)

    async def post(self, path: str, data: bytes = b"") -> tuple[int, dict[str, Any]]:
        async with self._session.post(f"http://callctl{path}", data=data) as response:
            return response.status, await response.json(content_type=None)


@pytest.fixture
async def control(desk: FakeDesk, tmp_path: Path) -> AsyncIterator[Caller]:
    server = await listen_unix(control_app(desk), tmp_path / "control.sock")
    connector = aiohttp.UnixConnector(str(tmp_path / "control.sock"))
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Caller(session)
    await server.stop()
    assert not (tmp_path / "control.sock").exists()


def test_the_fake_fits_the_port(desk: FakeDesk) -> None:
    port: Desk = desk
    assert port.now() == NOON


# ── what is there ────────────────────────────────────────────────────────────────────────────────


async def test_calls_are_listed_masked_unless_asked(control: Caller) -> None:
    status, body = await control.get("/v1/calls")
    assert status == 200
    calls = {call["id"]: call for call in body["calls"]}
    waiting = calls[WAITING]
    assert waiting["phase"] == "queued"
    assert waiting["waited"] == 12.5
    assert waiting["priority"] == 5
    assert waiting["entered"] == views.iso(NOON - 20 * SECOND)
    assert waiting["caller"] == "+33…78"
    assert waiting["caller_name"] == "Zoe +33…78"
    assert waiting["story"]["menus"][0]["digits"] == "•"
    assert calls[TALKING]["agent"] == "ben"
    _, shown = await control.get("/v1/calls?unmask=1")
    assert shown["calls"][0]["caller"] == "+33612345678"
    assert shown["calls"][0]["story"]["menus"][0]["digits"] == "1"


async def test_a_call_is_found_alive_and_ended(control: Caller) -> None:
    status, live = await control.get(f"/v1/calls/{WAITING.lower()}")
    assert (status, live["live"], live["phase"]) == (200, True, "queued")
    status, ended = await control.get(f"/v1/calls/{OVER}")
    assert (status, ended["live"], ended["outcome"]) == (200, False, "answered")
    assert ended["caller"] == "+33…78"
    assert ended["menus"][0]["digits"] == "•"
    assert ended["path"] == ["orders/menu", "orders/number"]
    assert ended["notes"] == {"csat": "4", "call_back": "+33…78"}
    _, shown = await control.get(f"/v1/calls/{OVER}?unmask=1")
    assert shown["notes"]["call_back"] == "+33612345678"


@pytest.mark.parametrize("path", ["", "/explain"])
async def test_an_unknown_call_is_a_problem(control: Caller, path: str) -> None:
    status, body = await control.get(f"/v1/calls/01KAMB0000000000000000000Z{path}")
    assert status == 404
    assert "callctl calls --ended" in body["right"]
    status, body = await control.get(f"/v1/calls/x'%3Bdrop table call{path}")
    assert status == 404
    assert "26 letters" in body["right"]


async def test_records(control: Caller, desk: FakeDesk) -> None:
    status, body = await control.get("/v1/records?limit=5")
    assert (status, len(body["records"])) == (200, 1)
    (record,) = body["records"]
    assert record["caller"] == "+33…78"
    assert (record["waited"], record["talked"], record["cause_words"]) == (8.8, 78, "normal clearing (Q.850 16)")
    assert record["rings"][0]["result"] == "answered"
    assert (record["campaign"], record["heard"]) == ("spring", "human")
    assert record["picked_up"] == "2026-11-21T11:50:07.000000Z"
    assert (record["attempt"], record["rang"], record["harboured"], record["message_left"]) == (None,) * 4
    for wrong in ("0", "x", "1001", "99999", "-1", "1.5", "²"):
        status, body = await control.get(f"/v1/records?limit={wrong}")
        assert (status, body["right"]) == (400, "limit is a whole number from 1 to 1000")
    desk.away = "the database is away: connection refused"
    status, body = await control.get("/v1/records")
    assert (status, body["detail"]) == (503, desk.away)


async def test_queues_show_who_waits_and_who_could_answer(control: Caller) -> None:
    _, body = await control.get("/v1/queues")
    (queue,) = body["queues"]
    assert queue["id"] == "sales"
    assert (queue["waiting"], queue["ringing"], queue["talking"]) == (1, 0, 1)
    assert queue["longest_wait"] == 12.5
    assert queue["agents_by_standing"]["routable"] == ["ana"]
    assert queue["agents_by_standing"]["busy"] == ["ben"]
    assert [(c["call"], c["position"]) for c in queue["order"]] == [(WAITING, 1)]


def test_a_queue_is_in_the_order_in_which_it_is_served() -> None:
    world = at_noon.world()
    for call, priority, since in ((TALKING, 5, NOON - 60), (at_noon.IN_MENU, 9, NOON)):
        world.calls[call].phase = Offered(Place(SALES, priority, since), (Rung(ANA, NOON + SECOND),))
    (queue,) = views.queues(world, NOON)
    assert [c["call"] for c in queue["order"]] == [at_noon.IN_MENU, WAITING, TALKING]
    assert queue["ringing"] == 2


async def test_trunks_and_agents(control: Caller) -> None:
    _, body = await control.get("/v1/trunks")
    carrier, spare = body["trunks"]
    assert (carrier["up"], carrier["why"], carrier["age"]) == (False, "OPTIONS unanswered", 5)
    assert (spare["up"], spare["why"]) == (None, "not heard of yet")
    _, body = await control.get("/v1/agents")
    ana, ben, cy = body["agents"]
    assert (ana["name"], ana["state"], ana["idle"], ana["standing"]) == ("Ana Silva", "idle", 30, "routable")
    assert (ben["state"], ben["call"], ben["standing"]) == ("on_call", TALKING, "busy")
    assert (cy["status"], cy["phone"]["state"]) == ("logged_out", "unreachable")
    status, one = await control.get("/v1/agents/ana")
    assert (status, one) == (200, ana)


async def test_mailboxes_and_messages(control: Caller) -> None:
    _, body = await control.get("/v1/voicemail")
    assert body["mailboxes"] == [
        {"id": "100", "name": "Reception", "new": 2, "old": 1, "lamp": ["p-ana"]},
        {"id": "200", "name": "Night desk", "new": None, "old": None, "lamp": []},
    ]
    _, box = await control.get("/v1/voicemail/100")
    first, second = box["messages"]
    assert (box["new"], first["caller"], first["length"], first["new"]) == (2, "Zoe <+33…78>", 12, True)
    assert (second["at"], second["folder"]) == (None, "Old")
    status, wrong = await control.get("/v1/voicemail/10")
    assert (status, wrong["title"]) == (404, "no such mailbox")


async def test_explain_reads_as_a_story(control: Caller) -> None:
    status, body = await control.get(f"/v1/calls/{OVER}/explain")
    assert (status, body["live"]) == (200, False)
    assert [line["text"] for line in body["lines"]] == [
        "Entered on pbx: caller +33…78 dialled +33…89; goes to menu main",
        "Menu main: prompts started",
        "Pressed • in menu main: goes to queue sales",
        "Queued in sales at place 1; music",
        "Offered to Ben (ben): longest idle of 2 free in sales: 9.0 s",
        "Ben (ben) rejected the call after 4.7 s: call rejected (Q.850 21, SIP 603 decline)",
        "Offered to Ana Silva (ana): longest idle of 1 free in sales: 5.0 s",
        "Ana Silva (ana) answered after 3.0 s",
        "Connected to Ana Silva (ana) after 8.8 s in sales",
        "Ended by the caller, 1 min 18 s of talk (answered): normal clearing (Q.850 16)",
    ]
    assert body["lines"][2]["after"] == 3.2
    _, live = await control.get(f"/v1/calls/{TALKING}/explain?unmask=1")
    assert (live["live"], live["phase"]) == (True, "connected")
    assert "caller +33612345678" in live["lines"][0]["text"]
    assert live["lines"][2]["text"].startswith("Pressed 1 ")


def test_words_for_a_talk_that_leads_on() -> None:
    asked = AskedAfter(OVER, SALES, ANA, 78 * SECOND, ToMenu(MenuId("survey")))
    (line,) = explain(at_noon.stored([(NOON, asked)]), Teller(at_noon.policy(), MASKED))
    assert line["text"] == "Ana Silva (ana) hung up after 1 min 18 s of talk: goes to menu survey"


def test_words_for_the_rarer_facts() -> None:
    teller = Teller(at_noon.policy(), MASKED)
    abandoned = CallEnded(OVER, SALES, None, Outcome.ABANDONED, Party.CALLER, 0, 487, 65 * SECOND, 0)
    facts: list[Fact] = [CallRequeued(OVER, SALES, 1, "ben did not answer"), GhostAnswered(OVER, SALES, ANA), abandoned]
    told = at_noon.stored([(NOON, fact) for fact in facts])
    lines = explain([*told, at_noon.Told(NOON, None, "CallBaked")], teller)
    assert lines[0]["text"] == "Back in sales at place 1: ben did not answer"
    assert lines[1]["text"].startswith("Ana Silva (ana) answered, but the caller had already gone")
    assert lines[2]["text"] == (
        "Ended by the caller, 1 min 5 s of waiting (abandoned: the caller left while waiting): "
        "SIP 487 request terminated"
    )
    assert lines[3]["text"] == "CallBaked: no words for it in this version"
    assert words(0) == ""
    assert words(17) == "user busy (Q.850 17)"
    assert words(126, 699) == "Q.850 126, SIP 699"
    assert [length(n) for n in (440_000, 12_300_000, 59_950_000, 185 * SECOND, 3720 * SECOND)] == [
        "0.4 s",
        "12.3 s",
        "1 min 0 s",
        "3 min 5 s",
        "1 h 2 min",
    ]
    assert whither(ToQueue(SALES, 5)) == "queue sales with priority 5"
    assert whither(Announce(("sound:x",), ToMenu(at_noon.MAIN))) == "an announcement, then menu main"
    assert whither(HangUp(HangupReason.BUSY)) == "hang-up (busy)"
    assert whither(Feature.PAUSE) == "feature code pause"


# ── what people ask for ──────────────────────────────────────────────────────────────────────────


async def test_an_agent_is_paused_with_a_reason(control: Caller, desk: FakeDesk) -> None:
    status, body = await control.post("/v1/agents/ana/pause", b'{"reason": "lunch"}')
    assert (status, body["status"], body["reason"]) == (200, "paused", "lunch")
    assert desk.asked == [StatusAsked(ANA, Wish.PAUSE, "lunch", by=f"api:uid={os.getuid()}")]
    assert desk.world.agents[ANA].status == Paused("lunch")
    status, body = await control.post("/v1/agents/ana/unpause")
    assert (status, body["status"]) == (200, "available")
    assert desk.world.agents[ANA].status == Available()


async def test_a_switch_is_turned(control: Caller, desk: FakeDesk) -> None:
    off = {"id": "fire", "description": "Everybody out", "code": "*70", "on": False, "since": None, "by": None}
    assert await control.get("/v1/switches") == (200, {"switches": [off]})
    user = f"api:uid={os.getuid()}"
    on = {**off, "on": True, "since": "2026-11-21T12:00:00.000000Z", "by": user}
    assert await control.put("/v1/switches/fire", b'{"on": true}') == (200, on)
    assert desk.asked == [SwitchAsked(FIRE, True, user)]
    assert await control.get("/v1/switches/fire") == (200, on)
    assert await control.put("/v1/switches/fire", b'{"on": false}') == (200, off)
    status, body = await control.put("/v1/switches/fir", b'{"on": true}')
    assert (status, body["right"]) == (404, "did you mean fire?")
    for wrong in (b"", b"{}", b'{"on": 1}', b'{"on": "on"}', b'{"on": true, "for": 5}'):
        status, body = await control.put("/v1/switches/fire", wrong)
        assert (status, body["title"]) == (400, "wrong body")
    assert len(desk.asked) == 2


def test_words_for_a_queue_that_a_switch_has_closed() -> None:
    to = HangUp()
    facts: list[Fact] = [FlowedOut(OVER, SALES, Overflow.CLOSED, False, 0, to, switch) for switch in (None, FIRE)]
    told = at_noon.stored([(NOON, fact) for fact in facts])
    assert [line["text"] for line in explain(told, Teller(at_noon.policy(), MASKED))] == [
        "Not taken by sales, closed at this time: goes to hang-up",
        "Not taken by sales, closed by the switch fire: goes to hang-up",
    ]


async def test_unknown_agents_and_actions_name_the_nearest(control: Caller, desk: FakeDesk) -> None:
    status, body = await control.post("/v1/agents/anna/login")
    assert (status, body["right"]) == (404, "did you mean ana?")
    status, body = await control.get("/v1/agents/zzz")
    assert (status, body["right"]) == (404, "there are ana, ben, cy")
    status, body = await control.post("/v1/agents/ana/pauze")
    assert (status, body["right"]) == (404, "did you mean pause?")
    assert desk.asked == []


async def test_a_refusal_says_why(control: Caller, desk: FakeDesk) -> None:
    desk.refuse = "the phone is not reachable"
    status, body = await control.post("/v1/agents/ana/login")
    assert (status, body["detail"]) == (409, "login of ana is refused: the phone is not reachable")


async def test_what_cannot_be_stored_is_not_promised(control: Caller, desk: FakeDesk) -> None:
    desk.away = "callctl is stopping"
    status, body = await control.post("/v1/agents/ana/login")
    assert (status, body["detail"]) == (503, "callctl is stopping")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"reason": 5}',
        b'{"reason": "a\\nb"}',
        b'{"reasn": "lunch"}',
        b'{"reason": "' + b"x" * 41 + b'"}',
        b"\xff\xfe",
    ],
)
async def test_wrong_bodies_change_nothing(control: Caller, desk: FakeDesk, body: bytes) -> None:
    status, answer = await control.post("/v1/agents/ana/pause", body)
    assert status == 400
    assert "reason" in answer["right"]
    assert desk.asked == []


async def test_a_reason_goes_with_pause_alone(control: Caller, desk: FakeDesk) -> None:
    status, _ = await control.post("/v1/agents/ana/login", b'{"reason": "x"}')
    assert status == 400
    assert desk.asked == []


async def test_too_much_is_refused(control: Caller, desk: FakeDesk) -> None:
    status, body = await control.post("/v1/agents/ana/pause", b'{"reason": "' + b"x" * 20_000 + b'"}')
    assert (status, body["status"]) == (413, 413)
    assert desk.asked == []


async def test_plan_and_reload(control: Caller, desk: FakeDesk) -> None:
    for status, body in (await control.get("/v1/plan"), await control.post("/v1/reload")):
        assert (status, body["changes"]) == (200, ["queues.sales.wrap_up: 10 s → 5 s"])
    desk.reloaded = Reloaded(False, "", problems=("config/queues.yaml:3:5: queues.sales: wrong; right",))
    status, body = await control.post("/v1/reload")
    assert (status, body["problems"]) == (422, ["config/queues.yaml:3:5: queues.sales: wrong; right"])
    assert "stays in force" in body["detail"]


async def test_wrong_paths_methods_and_bugs_are_problems(control: Caller, desk: FakeDesk) -> None:
    status, body = await control.get("/v1/callz")
    assert status == 404
    assert "/v1/calls" in body["right"]
    status, body = await control.post("/v1/calls")
    assert (status, body["right"]) == (405, "use GET, HEAD")
    del desk.world.policy.agents[ANA]  # type: ignore[attr-defined]
    del desk.world.agents  # a bug: the handler will raise
    status, body = await control.get("/v1/agents")
    assert (status, body["title"]) == (500, "internal error")
    assert "Traceback" not in str(body)


async def test_status_tells_all(control: Caller) -> None:
    _, body = await control.get("/v1/status")
    assert (body["ready"], body["policy"], body["nodes"][0]["phase"]) == (True, "abc123", "up")


# ── the public side ──────────────────────────────────────────────────────────────────────────────


async def test_health_and_readiness_give_reasons(desk: FakeDesk) -> None:
    server = await listen_tcp(public_app(desk, lambda: b""), "127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession() as session:
            for path in ("/healthz", "/readyz"):
                async with session.get(server.address + path) as response:
                    assert response.status == 200
            desk.alive = Condition("loop", False, "has not turned for 12 s")
            trunk = Condition("trunk.carrier", False, "OPTIONS unanswered", needed=False)
            desk.ready = (Condition("pbx.link", False, "connection refused"), trunk)
            async with session.get(server.address + "/healthz") as response:
                assert response.status == 503
                assert await response.json() == {"alive": False, "why": "has not turned for 12 s"}
            async with session.get(server.address + "/readyz") as response:
                assert response.status == 503
                body = await response.json()
        assert body["reasons"] == ["loop: has not turned for 12 s", "pbx.link: connection refused"]
        assert body["conditions"][-1] == {
            "name": "trunk.carrier",
            "ok": False,
            "needed": False,
            "why": "OPTIONS unanswered",
        }
    finally:
        await server.stop()


async def test_metrics_are_what_prometheus_reads(desk: FakeDesk) -> None:
    metrics = Metrics(lambda: desk.world, desk.now)
    server = await listen_tcp(public_app(desk, metrics.exposition), "127.0.0.1", 0)
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(server.address + "/metrics") as response,
        ):
            assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            families = {f.name for f in text_string_to_metric_families(await response.text())}
        assert {"callctl_queue_waiting", "callctl_calls", "process_cpu_seconds"} <= families
    finally:
        await server.stop()


async def test_a_taken_port_is_said_clearly(desk: FakeDesk) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ListenError, match=f"127.0.0.1:{port}: another program listens there"):
            await listen_tcp(public_app(desk, lambda: b""), "127.0.0.1", port)


async def test_the_control_socket_is_for_few_and_for_one_daemon(desk: FakeDesk, tmp_path: Path) -> None:
    path = tmp_path / "sub" / "control.sock"
    first = await listen_unix(control_app(desk), path, 0o600)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with pytest.raises(ListenError, match="another callctl listens on"):
        await listen_unix(control_app(desk), path)
    await first.stop()

    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()  # as a killed daemon leaves it
    second = await listen_unix(control_app(desk), path)
    await second.stop()

    path.write_text("not a socket")
    with pytest.raises(ListenError, match="is no socket"):
        await listen_unix(control_app(desk), path)
    with pytest.raises(ListenError, match="too long"):
        await listen_unix(control_app(desk), tmp_path / ("x" * 120))


async def test_stopping_does_not_wait_for_the_idle(desk: FakeDesk) -> None:
    server = await listen_tcp(public_app(desk, lambda: b""), "127.0.0.1", 0)
    host, port = server.address.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    async with asyncio.timeout(3):
        await server.stop()
    writer.close()


# ── views ─────────────────────────────────────────────────────────────────────────────────────────


def test_trunk_board_keeps_the_newest_and_since_when() -> None:
    board, carrier = views.TrunkBoard(), TrunkId("carrier")
    for at, up, why in ((1, True, "registered"), (2, False, "timeout"), (3, False, "refused")):
        board.saw(at, [TrunkChanged(at_noon.PBX, carrier, up, why)])
    assert board.states[carrier] == views.TrunkNow(False, "refused", 2)


def test_masking_is_off_only_when_asked() -> None:
    assert views.call(at_noon.world().calls[WAITING], NOON, Masking(unmask=True))["caller"] == "+33612345678"
