"""A floor of the house for the tests of calls and phones: a queue, menus and three agents of their own, times that
are short, prompts and music that are pure tones, so that what is heard tells where a caller is.

Asterisk, Postgres, /metrics and the command line are asked beside the daemon: nobody's word alone is taken.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import asyncpg

from callctl.api.client import RefusedError
from callctl.lab.audio import Audio, join, tone, write_wav
from callctl.lab.house import House, Overlay
from callctl.lab.line import Line
from callctl.lab.phones import Phone
from callctl.store.embedded import EmbeddedPostgres

TONES_DID, DESK_DID, VIP_DID, BROKEN_DID, HASTY_DID, PICKY_DID = (f"+4420794600{n}" for n in (10, 11, 12, 13, 14, 15))
WHISPER_DID, ALL_DID, MOBILE_DID, FRONT_DID, WORDS_DID, MAILBOX_DID, OUT_DID, REFUSED_DID = (
    f"+4420794600{n}" for n in range(20, 28)
)
MOBILE, ELSEWHERE = "+447912345678", "+442079460777"
"""An agent's number outside, and one to which callers are sent."""
"""To the menu of tones, the queue, the queue with priority, a menu whose prompt is missing, a queue with little
patience, one that asks for German."""
SHIPPED_MENU_DID, SHIPPED_SUPPORT_DID = "+442079460000", "+442079460002"
PROMPT, MUSIC, INVALID, NO_INPUT, GOODBYE, WHISPER = 350.0, 500.0, 750.0, 850.0, 950.0, 1050.0
CALLER, AGENT = 440.0, 620.0
"""All in Hz."""
TEAM = {"agent6": "phone106", "agent7": "phone107", "agent8": "phone108"}
SERVED = ["desk", "hasty", "picky", "whispered", "all", "front", "worded"]
RING_TIMEOUT = 5.0
"""Seconds: the least that the configuration allows."""

_NUMBERS = itertools.count(500)
"""Of callers, over all floors: a queue may remember who talked with a number."""

Row = Mapping[str, Any]
Json = dict[str, Any]


class FloorError(AssertionError):
    """What was waited for did not come."""


@dataclass
class Caller:
    """A caller, and callctl's id of the call."""

    line: Line
    number: str
    call: str


@dataclass
class Floor:
    house: House
    base: Overlay = field(default_factory=dict)
    """What the house's configuration is changed by."""
    lines: list[Line] = field(default_factory=list)

    # ── people ───────────────────────────────────────────────────────────────────────────────

    async def call(self, did: str = DESK_DID, number: str = "", **more: Any) -> Caller:
        """A caller dials in, and callctl knows of it. Each has another number."""
        number = number or self.fresh_number()
        line = await self.house.network.call(did, number, **more)
        self.lines.append(line)
        found = await self.until_call(lambda call: call["caller"] == number and call["phase"] != "ended")
        return Caller(line, number, found["id"])

    def fresh_number(self) -> str:
        return f"+44207946{next(_NUMBERS):04d}"

    def phone(self, name: str) -> Phone:
        """By the agent's name, or its own."""
        return self.house.network.phone(TEAM.get(name, name))

    async def dial(self, phone: str, number: str, tone_hz: float = 0) -> Line:
        line = await self.house.network.phone(phone).dial(number, tone_hz)
        self.lines.append(line)
        return line

    async def staff(self, *agents: str, how: str | None = None) -> None:
        """Log the agents in, one after the other: the first is then idle longest. `how` is what their phones do."""
        for name in agents:
            if how is not None:
                await self.phone(name).behave(how, AGENT)
            await self.until_agent(name, phone="reachable")
            await self.house.daemon.post("agents", name, "login")

    # ── what callctl says ────────────────────────────────────────────────────────────────────

    async def until_call(self, holds: Callable[[Json], bool], timeout: float = 10) -> Json:
        """The first live call of which it holds."""
        found: list[Json] = []

        def any_holds(answer: Json) -> bool:
            found[:] = [call for call in answer["calls"] if holds(call)]
            return bool(found)

        await self._until("such a call", ("calls",), any_holds, timeout)
        return found[0]

    async def until_phase(self, caller: Caller, *phases: str, timeout: float = 10) -> Json:
        return await self.until_call(lambda c: c["id"] == caller.call and c["phase"] in phases, timeout)

    async def agent(self, name: str) -> Json:
        return await self.house.daemon.get("agents", name)

    async def until_agent(self, name: str, timeout: float = 10, **wanted: Any) -> Json:
        """Until the agent's view has these values; `phone` is the phone's state."""

        def holds(answer: Json) -> bool:
            seen = {**answer, "phone": answer["phone"]["state"]}
            return all(seen[key] == value for key, value in wanted.items())

        return await self._until(f"{name} to be {wanted}", ("agents", name), holds, timeout)

    async def _until(self, what: str, parts: tuple[str, ...], holds: Callable[[Json], bool], timeout: float) -> Json:
        answer: Json = {}
        try:
            async with asyncio.timeout(timeout):
                while True:
                    answer = await self.house.daemon.get(*parts, unmask=1)
                    if holds(answer):
                        return answer
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise FloorError(f"waited {timeout:g} s for {what}, in vain; last: {answer}") from None

    async def metrics_since(self, before: Mapping[str, float]) -> dict[str, float]:
        """The samples that have changed, by how much."""
        after = await self.house.daemon.metrics()
        return {n: v - before.get(n, 0) for n, v in after.items() if v != before.get(n, 0)}

    # ── what the others say ──────────────────────────────────────────────────────────────────

    async def row(
        self, caller: Caller | str, holds: Callable[[Row], bool] = lambda _: True, timeout: float = 10
    ) -> Row:
        """The call record, as Postgres has it, once it is there and `holds`."""
        call = caller if isinstance(caller, str) else caller.call
        url = EmbeddedPostgres(self.house.state / "postgres").url()
        connection = await asyncpg.connect(url)
        row: Row | None = None
        try:
            async with asyncio.timeout(timeout):
                while True:
                    found = await connection.fetchrow("select * from call where id = $1", call)
                    if found is not None:
                        parsed = {key: json.loads(found[key]) for key in ("menus", "rings")}
                        row = {**dict(found), **parsed}
                        if holds(row):
                            return row
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise FloorError(f"no such record of {call} in {timeout:g} s; last: {row}") from None
        finally:
            await connection.close()

    async def row_of_hangup(self, caller: Caller, holds: Callable[[Row], bool] = lambda _: True) -> Row:
        """The record after the caller hangs up."""
        await caller.line.hangup()
        return await self.row(caller, holds)

    async def ari(self, *path: str, **query: str) -> Any:
        """Ask Asterisk; None for a 404."""
        node = self.house.node
        headers = {"Authorization": aiohttp.encode_basic_auth("callctl", node.secrets.ari)}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get("/".join((node.ari_url, *path)), params=query) as answer,
        ):
            return None if answer.status == 404 else await answer.json()

    async def variable(self, channel: str, name: str) -> str:
        """Of one channel, as Asterisk has it."""
        answer = await self.ari("channels", channel, "variable", variable=name)
        return str(answer["value"])

    async def until_lease(self, channel: str, above: float, most: float) -> None:
        """Until Asterisk itself would end the channel in more than `above` and at most `most` seconds. A lease follows
        what is urgent (callctl.asterisk.leases), so callctl may know of a phase before its lease is in force."""
        left = -1.0
        try:
            async with asyncio.timeout(5):
                while not above < left <= most:
                    left = float(await self.variable(channel, "TIMEOUT(absolute)"))
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise FloorError(f"{channel} would be ended in {left:g} s, not in {above:g} to {most:g}") from None

    async def bridge(self, name: str) -> set[str]:
        """The channels in a bridge; empty: there is no such bridge."""
        found = await self.ari("bridges", name)
        return set() if found is None else set(found["channels"])

    async def until_channels(self, holds: Callable[[list[Json]], bool], what: str, timeout: float = 10) -> list[Json]:
        """Until Asterisk's own list of channels is so."""
        found: list[Json] = []
        try:
            async with asyncio.timeout(timeout):
                while True:
                    found = await self.ari("channels")
                    if holds(found):
                        return found
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise FloorError(f"waited {timeout:g} s for {what}; channels: {found}") from None

    async def cli(self, *args: str) -> str:
        """What `callctl ARGS` prints; it must succeed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "callctl", *args, "--socket", str(self.house.state / "control.sock"),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode == 0, f"callctl {args}: {process.returncode} {err.decode()}"
        return out.decode()

    async def reload(self, more: Overlay) -> None:
        """The house's configuration with `more` on top, put in force."""
        self.house.change(_both(self.base, more))
        await self.house.daemon.post("reload")

    # ── order ────────────────────────────────────────────────────────────────────────────────

    async def quiet(self) -> None:
        """Everybody has hung up, nobody is logged in, the phones answer as they do by default; Asterisk agrees."""
        for line in self.lines:
            await line.hangup()
        self.lines.clear()
        for agent in TEAM:
            await self.house.daemon.post("agents", agent, "logout")
            await self.phone(agent).behave("")
        await self._until("no calls", ("calls",), lambda answer: not answer["calls"], 15)
        await self.until_channels(lambda found: not found, "the last channel to end")
        for agent in TEAM:
            await self.until_agent(agent, state="idle", phone="reachable", status="logged_out", timeout=20)


def changes(house: House) -> Overlay:
    """What the floor adds to the house's configuration."""
    sounds = house.node.inside / "floor"

    def sound(name: str) -> str:
        return f"sound:{sounds / name}"

    return {
        "numbers": {
            TONES_DID: {"menu": "tones"},
            DESK_DID: {"queue": "desk"},
            VIP_DID: {"queue": "desk", "priority": 5},
            BROKEN_DID: {"menu": "broken"},
            HASTY_DID: {"queue": "hasty"},
            PICKY_DID: {"queue": "picky"},
            WHISPER_DID: {"queue": "whispered"},
            ALL_DID: {"queue": "all"},
            MOBILE_DID: {"queue": "mobile"},
            FRONT_DID: {"queue": "front"},
            WORDS_DID: {"queue": "worded"},
            MAILBOX_DID: {"voicemail": 100},
            OUT_DID: {"number": ELSEWHERE, "trunk": "carrier"},
        },
        "skills": {"german": "Speaks German"},
        "menus": {
            "tones": {
                "prompts": [sound("prompt")],
                "options": {1: {"queue": "desk"}, 9: {"menu": "brief"}},
                "give_up": {"queue": "desk"},
            },
            "brief": {
                "prompts": [sound("brief")],
                "options": {1: {"queue": "desk"}, 9: {"menu": "brief"}},
                "timeout": "500ms",
                "tries": 3,
                "invalid": [sound("invalid")],
                "no_input": [sound("no-input")],
                "give_up": {"announce": [sound("goodbye")], "then": {"hang_up": "normal"}},
            },
            "broken": {
                "prompts": [sound("there-is-none")],
                "options": {1: {"queue": "desk"}},
                "give_up": {"hang_up": "normal"},
            },
        },
        "queues": {
            "sales": {"music": "floor"},
            "desk": {"music": "floor", "ring_timeout": f"{RING_TIMEOUT:g}s", "wrap_up": "1s"},
            "hasty": {
                "music": "floor",
                "longest_wait": "5s",
                "give_up": {"announce": [sound("goodbye")], "then": {"hang_up": "normal"}},
            },
            "whispered": {
                "music": "floor",
                "wrap_up": "0s",
                "whisper": [sound("whisper")],
                "display": "{queue} {waited} {name}",
            },
            "all": {"music": "floor", "strategy": "ringall", "wrap_up": "0s", "ring_timeout": "10s"},
            "mobile": {"music": "floor", "wrap_up": "0s", "ring_timeout": "10s"},
            "front": {"answer": "on_agent", "wrap_up": "0s"},
            "worded": {
                "music": "floor",
                "wrap_up": "0s",
                "returns": "1h",
                "words": {"first": "1s", "every": "5s", "position": True, "prompts": [[], [sound("goodbye")]]},
            },
            "picky": {
                "music": "floor",
                "strategy": "linear",
                "wrap_up": "0s",
                "asks": [{"needs": {"german": 50}}, {"after": "3s", "needs": {"german": 10}}],
                "max_waiting": 2,
                "full": {"announce": [sound("goodbye")], "then": {"hang_up": "busy"}},
                "exit_keys": {0: {"queue": "desk"}},
                "last_agent": "1h",
                "patience": "5s",
            },
        },
        "agents": {
            **{
                agent: {"queues": list(SERVED), "misses": 2, "miss_delay": "1s", "skills": skills}
                for agent, skills in zip(TEAM, ({"german": 80}, {"german": 20}, {}), strict=True)
            },
            "agent9": {"name": "Away", "phone": "mobile", "queues": ["mobile"], "misses": 2, "miss_delay": "1s"},
        },
        "phones": {
            "mobile": {"kind": "outside", "number": MOBILE, "trunk": "carrier", "confirm": [sound("whisper")]},
            "phone107": {"auto_answer": "answer-after"},
        },
    }


def _sounds(house: House) -> None:
    """The prompts and the music, as files where this Asterisk finds them."""
    folder = house.node.folder / "floor"
    (folder / "music").mkdir(parents=True, exist_ok=True)
    silence = tone(0, 0.3)
    lengths: dict[str, tuple[float, float]] = {
        "prompt": (PROMPT, 30), "brief": (PROMPT, 0.4), "invalid": (INVALID, 0.6), "no-input": (NO_INPUT, 0.6),
        "goodbye": (GOODBYE, 0.6), "whisper": (WHISPER, 2), "music/music": (MUSIC, 30),
    }  # fmt: skip
    for name, (hz, seconds) in lengths.items():
        audio: Audio = join([tone(hz, seconds, 0.3), silence]) if seconds < 1 else tone(hz, seconds, 0.3)
        write_wav(folder / f"{name}.wav", audio)


@asynccontextmanager
async def on_floor(house: House, base: Overlay) -> AsyncIterator[Floor]:
    """The floor, added to a house that is up by a reload, and taken away by another. `base`: its other changes."""
    _sounds(house)
    music = house.node.etc / "musiconhold.conf"
    before = music.read_text(encoding="utf-8")
    music.write_text(before + f"\n[floor]\nmode=files\ndirectory={house.node.inside / 'floor/music'}\n")
    await house.node.cli("moh reload")
    floor = Floor(house, _both(base, changes(house)))
    await floor.reload({})
    try:
        await floor.quiet()
        yield floor
        await floor.quiet()
    finally:
        house.change(base)
        with suppress(RefusedError):
            await house.daemon.post("reload")
        music.write_text(before)
        await house.node.cli("moh reload")
        await house.daemon.post("agents", "agent6", "login")


def _both(first: Overlay, second: Overlay) -> Overlay:
    """Mappings key by key, all the way down."""
    merged = dict(first)
    for key, value in second.items():
        merged[key] = _both(merged[key], value) if isinstance(merged.get(key), dict) else value
    return merged
