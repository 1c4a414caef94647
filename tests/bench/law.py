"""The gate, and the claim: what one judgement of a campaign's attempt costs, and how many contacts a second are had.

The gate: a million numbers on the do-not-call list, every rule set of config/, ten things in the contact's past; CPU
time of the thread. The claim: a real Postgres with as many contacts as said, several claimers at a time, who take a
hundred each; with what rules count read for each contact. Side by side with the way that dialers with a hopper table
take them: mark, then read (ViciDial's AST_VDhopper: `update … limit`, `select`), on the same table.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import statistics
import tempfile
import time
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from callctl.core.addresses import E164
from callctl.core.campaigns import CallerId, CampaignPhase, CampaignPolicy
from callctl.core.compliance import may_dial
from callctl.core.contacts import Consent, Contact, Happened, Number, Past
from callctl.core.hours import local
from callctl.core.ids import SECOND, CampaignId, ContactId, IdSource, Micros, NodeId, TrunkId
from callctl.core.judgement import About
from callctl.core.law import AttemptOutcome, CallKind
from callctl.core.model import World
from callctl.core.numberset import NumberSet
from callctl.core.outbound import EVERYWHERE, Campaign, ClockSeen
from callctl.core.permits import Purpose
from callctl.core.policy import DialingRules, HangUp, OutsideNumber, Policy, TrunkKind, TrunkPolicy
from callctl.store import contacts
from callctl.store.embedded import EmbeddedPostgres
from callctl.store.migrate import migrate
from callctl.store.pool import connect, reading_pool
from callctl.zones import offsets_of
from tests.law import shipped_rule_sets

LISTED = 1_000_000
JUDGED = 20_000
CONTACTS = 5_000_000
CLAIMED = 20_000
CLAIMERS = 4
AT_A_TIME = 100
DAY: Micros = 86_400 * SECOND
NOON: Micros = 1_780_502_400 * SECOND
"""12:00 in New York on Wednesday, 3 June 2026."""
OWN = E164("442079460000")
SPRING = CampaignId("spring")
NODE = NodeId("pbx")
TRUNK = TrunkPolicy(TrunkId("out"), TrunkKind.IP, NODE, "192.0.2.9", calls_a_day=0, minutes_a_day=0)
Say = Callable[[str], None]


def run(say: Say, count: int) -> str:
    """The table, in Markdown."""
    say(f"{JUDGED} judgements with {LISTED} numbers on the do-not-call list ...")
    judged = _judgements()
    say(f"{count} contacts in a Postgres of its own ...")
    claimed, hopper = asyncio.run(_claims(say, count))
    sets, slow = len(shipped_rule_sets()), sorted(judged)[len(judged) * 99 // 100]
    return "\n".join(
        (
            "| what | measured |",
            "| --- | --: |",
            f"| a judgement, {LISTED:,} numbers not to be called, {sets} rule sets: median / p99 of CPU |"
            f" {statistics.median(judged):.1f} / {slow:.1f} µs |",
            f"| contacts claimed, with their past, of {count:,} | {claimed:,.0f} a second |",
            f"| the same contacts marked, then read, as with a hopper, without their past | {hopper:,.0f} a second |",
        )
    )


# ── the gate ─────────────────────────────────────────────────────────────────────────────────


def _judgements() -> list[float]:
    """µs each."""
    draw = random.Random(1)
    world = _world(draw)
    found = []
    for n in range(JUDGED):
        about = _about(draw, ContactId(n))
        to = OutsideNumber(about.number.address, TRUNK.id, str(about.number.address), "trunk-out")
        began = time.thread_time_ns()
        verdict = may_dial(world, Purpose.CAMPAIGN, to, NODE, NOON, about)
        found.append((time.thread_time_ns() - began) / 1000)
        assert verdict.permit is not None, verdict  # a refusal would be cheaper
    return found


def _world(draw: random.Random) -> World:
    campaign = CampaignPolicy(SPRING, CallKind.SALES, trunks=(TRUNK.id,), caller_ids=(CallerId(OWN, "ours"),))
    world = World(
        Policy(
            entries={OWN: HangUp()},
            trunks={TRUNK.id: TRUNK},
            dialing=DialingRules(allowed=("1",)),
            rule_sets=shipped_rule_sets(),
            campaigns={SPRING: campaign},
        ),
        IdSource(1),
    )
    out = world.outbound
    out.campaigns[SPRING] = Campaign(SPRING, CampaignPhase.RUNNING)
    listed = array("Q", sorted(draw.randrange(12_000_000_000, 13_000_000_000) for _ in range(LISTED)))
    out.do_not_call[EVERYWHERE] = NumberSet(listed)
    out.zones["America/New_York"] = offsets_of("America/New_York")
    out.clock = ClockSeen(0, NOON)
    assert local(out.zones["America/New_York"], NOON)[1] == 12 * 3600
    return world


def _about(draw: random.Random, id_: ContactId) -> About:
    """A Floridian, of whom ten things are remembered that break no rule."""
    number = Number(E164(f"1305{draw.randrange(2_000_000, 9_999_999)}0"[:11]), "", "US", ("America/New_York",), ("FL",))
    past = tuple(
        Past(f"a{n}", NOON - (2 + n) * DAY, Happened.ATTEMPT, number.address.digits, id_, "", AttemptOutcome.NO_ANSWER)
        for n in range(10)
    )
    consents = (Consent(number.address, "sales", NOON - DAY, "on paper"),)
    contact = Contact(id_, SPRING, (number,), country="US", state="FL", past=past, consents=consents, claimed=NOON)
    campaign = CampaignPolicy(SPRING, CallKind.SALES, trunks=(TRUNK.id,), caller_ids=(CallerId(OWN, "ours"),))
    return About(contact, number, replace(campaign), OWN)


# ── the claim ────────────────────────────────────────────────────────────────────────────────

_FILL = """
insert into contact (campaign, priority, due, fields)
select 'spring', n % 3, now() - interval '1 day', '{"balance": 100}' from generate_series(1, $1::bigint) as n
"""
_NUMBERS = """
insert into contact_number (contact, n, number, country, zones)
select id, 0, 12000000000 + id, 'US', '{America/New_York}' from contact
"""
_MARK = """
update contact set standing = 'claimed' where id in (
    select id from contact where campaign = 'spring' and standing = 'open' order by priority desc, id limit $1
    for update
) returning id
"""
_READ = "select * from contact join contact_number on contact_number.contact = contact.id where contact.id = any ($1)"


async def _claims(say: Say, count: int) -> tuple[float, float]:
    """Contacts a second: ours, and the hopper's."""
    folder = Path(tempfile.mkdtemp(prefix="callctl-bench-"))
    server = EmbeddedPostgres(folder, supervise=False)
    try:
        url = await server.start()
        epoch = await _filled(url, count)
        say("claiming ...")
        pool = await reading_pool(url, size=CLAIMERS)
        campaign = CampaignPolicy(SPRING, CallKind.SALES)
        now = time.time_ns() // 1000
        began, taken = time.monotonic(), 0
        seen: set[int] = set()

        async def claimer() -> None:
            nonlocal taken
            while taken < CLAIMED:
                found = await contacts.claim(pool, epoch, 0, campaign, AT_A_TIME, now, 30 * DAY)
                taken += len(found)
                seen.update(it.id for it in found)

        await asyncio.gather(*(claimer() for _ in range(CLAIMERS)))
        ours = taken / (time.monotonic() - began)
        assert len(seen) == taken, "somebody was claimed twice"
        began, marked = time.monotonic(), 0
        while marked < CLAIMED:
            ids = [row["id"] for row in await pool.fetch(_MARK, AT_A_TIME)]
            await pool.fetch(_READ, ids)
            marked += len(ids)
        hopper = marked / (time.monotonic() - began)
        await pool.close()
        return ours, hopper
    finally:
        await server.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def _filled(url: str, count: int) -> int:
    connection = await connect(url)
    await migrate(connection)
    await connection.execute("set synchronous_commit = off")
    await connection.execute(_FILL, count, timeout=1800)
    await connection.execute(_NUMBERS, timeout=1800)
    await connection.execute("analyze contact, contact_number", timeout=600)
    epoch = await connection.fetchval(
        "insert into epoch (holder, code, policy_sha, seed) values ('bench', '', '', 1) returning id"
    )
    await connection.close()
    return int(epoch)
