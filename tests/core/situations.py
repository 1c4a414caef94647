"""Every situation that the totality test plays every event into, and every event that fits or does not fit there."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import replace

from callctl.core.addresses import E164, Emergency
from callctl.core.campaigns import DispositionPolicy
from callctl.core.contacts import Contact, Number
from callctl.core.events import (
    BridgeFailed,
    CallArrived,
    CampaignAsked,
    CampaignWish,
    ClockCompared,
    ConsentAsked,
    ContactsClaimed,
    DatabaseState,
    DigitPressed,
    DispositionChosen,
    DoNotCallAsked,
    DoNotCallLists,
    EmergencyDialled,
    Event,
    Heard,
    LegAnswered,
    LegGone,
    LegLeft,
    LegRinging,
    LegSeen,
    LegState,
    LegUp,
    LinkLost,
    LinkRestored,
    LookedUp,
    MessageLeft,
    PersonErased,
    PhoneBusy,
    PhoneContacts,
    PlaybackEnded,
    PolicyChanged,
    PreviewAsked,
    PreviewWish,
    Snapshot,
    StatusAsked,
    SwitchAsked,
    Synced,
    TimePassed,
    TrunkState,
    Wish,
)
from callctl.core.ids import (
    AgentId,
    CallId,
    CampaignId,
    ContactId,
    DispositionId,
    LegId,
    LookupId,
    NodeId,
    PhoneId,
    PlaybackId,
    SwitchId,
    TrunkId,
    seconds,
)
from callctl.core.model import Announcing, Briefed, InMenu, LegRole, LookingUp, Offered, Queued, World
from callctl.core.policy import Announce, Destination, HangUp, Policy, ToFlow, ToMenu, ToQueue, Voicemail
from callctl.sim.flows import ASKS, LEADS, TO_ASKS, TO_PIN, TO_TOUR, asking, flows
from callctl.sim.lists import ASK, BLAST, CAMPAIGNS, LOOK, NAILED, PREDICT, PUSH, ZONES, calling, person
from callctl.sim.office import (
    CARE,
    DISPOSITIONS,
    ENTRIES,
    FEATURES,
    LOCKED,
    MAIN,
    NODE,
    OUT,
    SALES,
    SPRING,
    START,
    SURVEY,
    TO_DESK,
    TO_FRONT,
    TO_MENU,
    TO_QUEUE,
    TO_VOICEMAIL,
    bare,
    policy,
)
from tests.core.calling import Calling
from tests.core.world import Stage, stage

ELSEWHERE = NodeId("elsewhere")

# ── situations ───────────────────────────────────────────────────────────────────────────────


def nobody_calls() -> Stage:
    return stage()


def a_switch_is_on() -> Stage:
    it = stage()
    it.arrive("c1", TO_DESK)
    it.do(SwitchAsked(LOCKED, True, "test"))
    return it


def hears_a_menu() -> Stage:
    it = stage()
    it.arrive("c1", TO_MENU)
    return it


def may_press_a_digit() -> Stage:
    it = hears_a_menu()
    it.heard("c1")
    return it


def has_one_try_left() -> Stage:
    it = may_press_a_digit()
    it.wait(5)
    it.heard("c1")
    it.wait(5)
    it.heard("c1")
    return it


def arrived(number: str) -> Stage:
    it = stage()
    it.arrive("c1", number)
    return it


def gives_up_to(number: str) -> Callable[[], Stage]:
    def made() -> Stage:
        it = stage()
        it.arrive("c1", number)
        for _ in range(2):
            it.heard("c1")
            it.wait(5)
        it.heard("c1")
        return it

    return made


def must_hear_the_prompts() -> Stage:
    it = stage()
    it.arrive("c1", "442079460013")
    return it


def hears_an_announcement() -> Stage:
    it = stage()
    it.arrive("c1", "442079460003")
    return it


def hears_a_greeting_before_the_menu() -> Stage:
    it = stage()
    it.arrive("c1", "442079460004")
    return it


def hears_a_greeting_before_the_queue() -> Stage:
    it = stage()
    it.arrive("c1", "442079460005")
    return it


def dials_a_feature_code() -> Stage:
    it = stage()
    it.feature("c1", "ana", "*47")
    return it


def waits() -> Stage:
    it = stage(reachable=())
    it.arrive("c1")
    it.arrive("c2")
    return it


def waits_for_german() -> Stage:
    """The one who is free does not speak it well enough yet."""
    it = stage(reachable=("ben",))
    it.arrive("c1", "442079460008")
    return it


def waits_to_ask_for_less() -> Stage:
    """Without a longest wait."""
    it = stage(reachable=())
    it.arrive("c1", "442079460009")
    return it


def is_offered_and_may_leave() -> Stage:
    """In a queue with exit keys."""
    it = stage()
    it.arrive("c1", "442079460008")
    return it


def waits_while_somebody_is_there() -> Stage:
    """In a queue that has to be staffed; nobody is reachable, though logged in."""
    it = stage(reachable=())
    it.arrive("c1", "442079460008")
    return it


def waits_at_most(give_up: Destination) -> Callable[[], Stage]:
    """In a queue with a longest wait of a minute."""

    def made() -> Stage:
        it = stage(impatient(give_up), reachable=())
        it.arrive("c1")
        return it

    return made


def impatient(give_up: Destination) -> Policy:
    """Nobody waits in sales for more than a minute."""
    known = policy()
    sales = replace(known.queues[SALES], longest_wait=seconds(60), give_up=give_up)
    return replace(known, queues={**known.queues, SALES: sales})


def is_offered() -> Stage:
    it = stage()
    it.contacts("ana", "sip:ana@192.0.2.1", "sip:ana@192.0.2.2")
    it.arrive("c1")
    return it


def rings() -> Stage:
    it = is_offered()
    it.busy("ana", True)
    it.ring(it.legs("ana")[0])
    return it


def rings_on_one_contact_of_two() -> Stage:
    it = rings()
    it.gone(it.legs("ana")[0], 17, 486)
    return it


def rang_too_long() -> Stage:
    it = rings()
    it.ask("ben", Wish.PAUSE)
    it.wait(20)
    return it


def left_while_it_rang() -> Stage:
    it = rings()
    it.gone("c1")
    return it


def talks() -> Stage:
    it = stage()
    it.contacts("ana", "sip:ana@192.0.2.1", "sip:ana@192.0.2.2")
    it.talk("c1", "ana")
    it.busy("ana", True)
    it.arrive("c2")
    it.ring(it.legs("ben")[0])
    return it


def talks_in_a_queue_without_wrap_up() -> Stage:
    it = stage()
    it.arrive("c1", "442079460007")
    it.answer(it.legs("ana")[0])
    return it


def asks_after(to: Destination) -> Policy:
    """Callers of the queue `sales` go there when the agent has hung up."""
    made = policy()
    return replace(made, queues={**made.queues, SALES: replace(made.queues[SALES], after=to)})


def talks_and_will_be_asked(to: Destination) -> Callable[[], Stage]:
    def it() -> Stage:
        made = stage(asks_after(to))
        made.talk("c1", "ana")
        made.wait(2)
        return made

    return it


def is_asked_after_the_talk() -> Stage:
    it = talks_and_will_be_asked(ToMenu(SURVEY))()
    it.gone(it.call("c1").phase.agent_leg)  # type: ignore[union-attr]
    return it


def is_asked_behind_wrap_up() -> Stage:
    it = is_asked_after_the_talk()
    it.wait(11)
    return it


def caller_hung_up_first() -> Stage:
    it = talks()
    it.gone("c1")
    return it


def agent_hung_up_first() -> Stage:
    it = talks()
    it.gone(next(leg.id for leg in it.world.legs.values() if leg.call == it.call("c1").id and leg.agent))
    return it


def wraps_up() -> Stage:
    it = stage()
    leg = it.talk("c1", "ana")
    it.wait(2)  # who hangs up at once has not talked
    it.gone(leg)
    it.gone("c1")
    return it


def owes_a_disposition() -> Stage:
    known = policy()
    sales = replace(known.queues[SALES], dispositions=DispositionPolicy(required=True))
    it = stage(replace(known, queues={**known.queues, SALES: sales}))
    leg = it.talk("c1", "ana")
    it.wait(2)
    it.gone(leg)
    it.gone("c1")
    return it


def in_wrap_up_with_a_busy_phone() -> Stage:
    it = wraps_up()
    it.wait(2)  # else it would be busy from the talk
    it.busy("ana", True)
    return it


def left_the_app() -> Stage:
    it = talks()
    it.do(LegLeft(NODE, LegId("c1")))
    return it


def agents_are_away() -> Stage:
    it = waits()
    it.ask("ana", Wish.LOGOUT)
    it.ask("ben", Wish.PAUSE, "lunch")
    return it


def phone_settles() -> Stage:
    it = stage()
    it.arrive("c1", "442079460007")
    leg = it.legs("ana")[0]
    it.busy("ana", True)
    it.answer(leg)
    it.gone("c1")
    return it


def agent_was_removed() -> Stage:
    it = talks()
    it.do(PolicyChanged(replace(policy(("ben",)), sha="without ana")))
    return it


def queue_and_menus_were_removed() -> Stage:
    it = talks()
    it.arrive("c3", TO_MENU)
    it.arrive("c4", "442079460005")
    it.do(PolicyChanged(bare()))
    return it


def hears_the_whisper() -> Stage:
    it = stage()
    it.arrive("c1", TO_DESK)
    it.answer(it.legs("ana")[0])
    return it


def must_press_a_key() -> Stage:
    """On an outside number, while a colleague's phone rings as well."""
    it = stage(policy(("ana", "mob")))
    it.arrive("c1", TO_DESK)
    it.answer(it.legs("mob")[0])
    return it


def has_heard_what_to_press() -> Stage:
    it = must_press_a_key()
    it.whispered("mob")
    return it


def rings_several() -> Stage:
    it = stage()
    it.arrive("c1", TO_DESK)
    it.ring(it.legs("ana")[0])
    return it


def rings_one_after_the_other() -> Stage:
    it = stage()
    it.arrive("c1", TO_FRONT)
    return it


def is_told_the_position() -> Stage:
    it = stage(reachable=())
    it.arrive("c1", TO_DESK)
    it.arrive("c2", TO_DESK)
    it.wait(2)
    return it


def is_offered_while_words_play() -> Stage:
    it = is_told_the_position()
    it.contacts("ana", "sip:ana@192.0.2.1")
    return it


def is_not_answered_yet() -> Stage:
    it = stage(reachable=())
    it.arrive("c1", TO_FRONT)
    return it


def leaves_a_message() -> Stage:
    it = stage()
    it.arrive("c1", TO_VOICEMAIL)
    return it


def left_the_app_and_was_sent_out_then() -> Stage:
    it = stage(reachable=())
    it.arrive("c1", TO_DESK)
    it.wait(39)
    it.do(LegLeft(NODE, LegId("c1")))
    it.wait(1.5)
    return it


def was_sent_out() -> Stage:
    it = stage()
    it.arrive("c1", "442079460017")
    return it


def is_dialled() -> Stage:
    """Two people, for one agent who is on the line."""
    case = Calling(PUSH)
    case.give(PUSH, 1, 2, 3)
    return case.it


def customer(it: Stage) -> LegId:
    """The first who was called."""
    return min(call.leg for call in it.world.calls.values() if call.campaign is not None)


def rings_at_the_customer_s() -> Stage:
    it = is_dialled()
    it.ring(customer(it))
    return it


def is_listened_to() -> Stage:
    """By answering machine detection."""
    it = rings_at_the_customer_s()
    it.do(LegUp(NODE, customer(it)))
    return it


def customer_talks() -> Stage:
    it = is_listened_to()
    it.do(LegAnswered(NODE, customer(it), Heard.HUMAN))
    return it


def customer_waits() -> Stage:
    """For a second or two."""
    it = customer_talks()
    it.do(LegAnswered(NODE, max(c.leg for c in it.world.calls.values() if c.campaign), Heard.HUMAN))
    return it


def customer_hears_the_harbour() -> Stage:
    it = customer_waits()
    it.wait(2.5)
    return it


def machine_answers() -> Stage:
    it = is_listened_to()
    it.do(LegAnswered(NODE, customer(it), Heard.MACHINE))
    return it


def machine_hears_the_message() -> Stage:
    it = machine_answers()
    it.do(LegLeft(NODE, customer(it)))
    return it


def broadcasts() -> Stage:
    case = Calling(BLAST)
    legs = case.give(BLAST, 1, 2)
    case.answers(legs[0])
    return case.it


def broadcast_is_listened_to() -> Stage:
    case = Calling(BLAST)
    legs = case.give(BLAST, 1, 2)
    case.it.do(LegUp(NODE, legs[0]))
    return case.it


def pushed(**changes: object) -> Policy:
    """The campaign `push`, otherwise."""
    known = calling()
    return replace(known, campaigns={**known.campaigns, PUSH: replace(known.campaigns[PUSH], **changes)})  # type: ignore[arg-type]


def agent_is_rung_for_the_customer() -> Stage:
    """Who is not nailed up has to pick up first."""
    case = Calling(PUSH, config=pushed(queue=SALES))
    case.it.ask(NAILED, Wish.LOGOUT)
    case.give(PUSH, 1, 2)
    case.answers(customer(case.it), Heard.HUMAN)
    return case.it


def customer_waits_without_a_harbour() -> Stage:
    case = Calling(PUSH, config=pushed(harbour=None))
    for leg in case.give(PUSH, 1, 2):
        case.answers(leg, Heard.NOTHING)
    return case.it


def line_rings() -> Stage:
    return Calling(on_line=False).it


def line_is_open() -> Stage:
    case = Calling(PREDICT)
    case.give(PREDICT, 1, 2, 3)
    return case.it


def hears_the_whisper_on_the_line() -> Stage:
    it = Calling().it
    it.ask("ana", Wish.LOGOUT)
    it.arrive("c1", TO_DESK)
    return it


def campaign_was_removed_while_it_rang() -> Stage:
    it = rings_at_the_customer_s()
    it.do(PolicyChanged(policy(("ana", NAILED))))
    return it


def campaign_was_removed_while_it_was_listened_to() -> Stage:
    it = is_listened_to()
    it.do(PolicyChanged(policy(("ana", NAILED))))
    return it


def wait_on_two_lines() -> Stage:
    """A queue that rings all, and two who are nailed up: the first who is asked has the call."""
    case = Calling(config=calling((NAILED, "nia-too")), on_line=False)
    for name in (NAILED, "nia-too"):
        case.open_line(name)
    return case.it


def looks_at_a_contact() -> Stage:
    case = Calling(LOOK)
    case.give(LOOK, 1, 2, 3)
    return case.it


def asks_for_contacts() -> Stage:
    case = Calling(ASK)
    case.give(ASK, 1)
    return case.it


def is_rung_to_dial() -> Stage:
    it = looks_at_a_contact()
    it.do(PreviewAsked(AgentId("ana"), PreviewWish.DIAL, "test"))
    return it


def is_dialled_for() -> Stage:
    it = is_rung_to_dial()
    line = it.agent("ana").line
    assert line is not None
    it.answer(min(line.legs))
    return it


def is_dialled_for_and_listened_to() -> Stage:
    it = is_dialled_for()
    it.do(LegUp(NODE, customer(it)))
    return it


def talks_on_a_line_of_their_own() -> Stage:
    it = is_dialled_for()
    it.do(LegAnswered(NODE, customer(it)))
    return it


def database_is_away() -> Stage:
    it = looks_at_a_contact()
    it.do(DatabaseState(False, "no answer"))
    return it


def is_in_a_flow() -> Stage:
    """At its menu."""
    it = stage()
    it.arrive("c1", TO_TOUR)
    it.heard("c1")
    it.heard("c1")
    return it


def gives_up_to_a_lookup() -> Stage:
    it = is_in_a_flow()
    it.wait(5)
    it.heard("c1")
    return it


def enters_digits() -> Stage:
    it = is_in_a_flow()
    it.press("c1", "1")
    it.press("c1", "1")
    return it


def hears_them_said() -> Stage:
    it = enters_digits()
    it.press("c1", "8")
    it.press("c1", "#")
    return it


def rates_in_a_flow_that_was_called() -> Stage:
    it = is_in_a_flow()
    it.press("c1", "4")
    return it


def enters_a_pin() -> Stage:
    it = stage()
    it.arrive("c1", TO_PIN)
    it.press("c1", "1234"[0])
    return it


def has_entered_a_pin() -> Stage:
    it = enters_a_pin()
    for digit in "234":
        it.press("c1", digit)
    return it


def is_looked_up() -> Stage:
    it = stage()
    it.arrive("c1", TO_ASKS)
    return it


def is_looked_up_in_silence() -> Stage:
    it = is_looked_up()
    it.heard("c1", failed=True)
    return it


def looked_up_leads_to(kind: str) -> Callable[[], Stage]:
    def made() -> Stage:
        known = policy()
        it = stage(replace(known, entries={**known.entries, E164(TO_ASKS): ToFlow(asking(kind))}))
        it.arrive("c1", TO_ASKS)
        return it

    return made


def stands_in_an_old_flow() -> Stage:
    it = is_in_a_flow()
    it.do(PolicyChanged(replace(policy(), sha="later", flows=flows("flows 2"))))
    return it


def stands_in_a_flow_that_nobody_remembers() -> Stage:
    it = is_looked_up()
    it.do(PolicyChanged(bare()))
    it.world.flows.clear()
    it.rows.flows.clear()
    return it


SITUATIONS: dict[str, Callable[[], Stage]] = {
    made.__name__: made
    for made in (
        nobody_calls,
        a_switch_is_on,
        hears_a_menu,
        may_press_a_digit,
        has_one_try_left,
        must_hear_the_prompts,
        hears_an_announcement,
        hears_a_greeting_before_the_menu,
        hears_a_greeting_before_the_queue,
        dials_a_feature_code,
        waits,
        waits_for_german,
        waits_while_somebody_is_there,
        waits_to_ask_for_less,
        is_offered_and_may_leave,
        is_offered,
        rings,
        rings_on_one_contact_of_two,
        rang_too_long,
        left_while_it_rang,
        talks,
        talks_in_a_queue_without_wrap_up,
        is_asked_after_the_talk,
        is_asked_behind_wrap_up,
        caller_hung_up_first,
        agent_hung_up_first,
        wraps_up,
        owes_a_disposition,
        in_wrap_up_with_a_busy_phone,
        left_the_app,
        agents_are_away,
        phone_settles,
        agent_was_removed,
        queue_and_menus_were_removed,
        hears_the_whisper,
        must_press_a_key,
        has_heard_what_to_press,
        rings_several,
        rings_one_after_the_other,
        is_told_the_position,
        is_offered_while_words_play,
        is_not_answered_yet,
        leaves_a_message,
        was_sent_out,
        left_the_app_and_was_sent_out_then,
        is_dialled,
        rings_at_the_customer_s,
        is_listened_to,
        customer_talks,
        customer_waits,
        customer_hears_the_harbour,
        machine_answers,
        machine_hears_the_message,
        broadcasts,
        broadcast_is_listened_to,
        agent_is_rung_for_the_customer,
        customer_waits_without_a_harbour,
        line_rings,
        line_is_open,
        hears_the_whisper_on_the_line,
        campaign_was_removed_while_it_rang,
        campaign_was_removed_while_it_was_listened_to,
        wait_on_two_lines,
        looks_at_a_contact,
        asks_for_contacts,
        is_rung_to_dial,
        is_dialled_for,
        is_dialled_for_and_listened_to,
        talks_on_a_line_of_their_own,
        database_is_away,
        is_in_a_flow,
        gives_up_to_a_lookup,
        enters_digits,
        hears_them_said,
        rates_in_a_flow_that_was_called,
        enters_a_pin,
        has_entered_a_pin,
        is_looked_up,
        is_looked_up_in_silence,
        stands_in_an_old_flow,
        stands_in_a_flow_that_nobody_remembers,
    )
} | {
    "gives_up_to_a_menu": gives_up_to("442079460010"),
    "gives_up_to_a_queue": gives_up_to("442079460011"),
    "gives_up_to_an_announcement": gives_up_to("442079460012"),
    "waits_at_most_then_menu": waits_at_most(ToMenu(MAIN)),
    "waits_at_most_then_queue": waits_at_most(ToQueue(CARE)),
    "waits_at_most_then_announcement": waits_at_most(Announce(("sound:bye",), HangUp())),
    "gives_up_to_voicemail": gives_up_to("442079460019"),
    "hears_a_greeting_before_a_closed_queue": lambda: arrived("442079460020"),
    "hears_an_announcement_before_voicemail": lambda: arrived("442079460018"),
    "waits_at_most_then_voicemail": waits_at_most(Voicemail("100")),
    "waits_at_most_then_end": waits_at_most(HangUp()),
    "talks_then_menu": talks_and_will_be_asked(ToMenu(SURVEY)),
    "talks_then_announcement": talks_and_will_be_asked(Announce(("sound:bye",), HangUp())),
    "talks_then_a_lookup": talks_and_will_be_asked(ToFlow(ASKS)),
    "talks_then_voicemail": talks_and_will_be_asked(Voicemail("100")),
    "waits_at_most_then_a_lookup": waits_at_most(ToFlow(ASKS)),
    **{f"looked_up_leads_to_{kind}": looked_up_leads_to(kind) for kind in LEADS},
}


def links(it: Stage) -> Iterator[tuple[str, Stage]]:
    """The situation with its node up, down and syncing."""
    yield "up", it
    it.do(LinkLost(NODE))
    yield "down", it
    it.do(LinkRestored(NODE, "boot-1"))
    yield "syncing", it


# ── events ───────────────────────────────────────────────────────────────────────────────────


def everything(world: World) -> dict[type, list[Event]]:
    """For every event type: what could fit this World, what cannot, and what comes from a node nobody knows."""
    legs = [*world.legs, LegId("nobody")]
    at = [*((NODE, leg) for leg in legs), (ELSEWHERE, LegId("nobody"))]
    phones = [*(phone for phone in world.policy.phones), PhoneId("nobody")]
    playing = [*_playing(world), PlaybackId("old")]
    return {
        CallArrived: _arrivals(world),
        LegRinging: [LegRinging(n, leg) for n, leg in at],
        LegUp: [LegUp(n, leg) for n, leg in at],
        LegAnswered: [
            LegAnswered(n, leg, heard) for n, leg in at for heard in (Heard.NOTHING, Heard.MACHINE, Heard.FAX)
        ],
        MessageLeft: [MessageLeft(n, leg) for n, leg in at],
        LegLeft: [LegLeft(n, leg) for n, leg in at],
        LegGone: [LegGone(n, leg, *why) for n, leg in at for why in CAUSES],
        DigitPressed: [DigitPressed(n, leg, digit) for n, leg in at for digit in "0123456789#*"],
        PlaybackEnded: [PlaybackEnded(n, leg, p, bad) for n, leg in at for p in playing for bad in (False, True)],
        BridgeFailed: [
            BridgeFailed(NODE, call, leg, "no")
            for call in (*world.calls, CallId("nobody"))
            for leg in (*world.legs, LegId("nobody"))
        ],
        LinkLost: [LinkLost(NODE), LinkLost(ELSEWHERE)],
        LinkRestored: [LinkRestored(n, booted) for n in (NODE, ELSEWHERE) for booted in ("boot-1", "boot-2")],
        Synced: [
            Synced(n, s, named, gone)
            for n in (NODE, ELSEWHERE)
            for s in snapshots(world)
            for named in _named(world)
            for gone in (named, frozenset[LegId]())
        ],
        PhoneContacts: [
            PhoneContacts(NODE, p, who) for p in phones for who in ((), (f"sip:{p}@192.0.2.1",), ("sip:a", "sip:b"))
        ],
        PhoneBusy: [PhoneBusy(NODE, p, busy) for p in phones for busy in (False, True)],
        TrunkState: [TrunkState(NODE, t, up, "registered") for t in (OUT, TrunkId("t")) for up in (False, True)],
        EmergencyDialled: [EmergencyDialled(NODE, p, Emergency("112"), "dialled") for p in phones],
        StatusAsked: [
            StatusAsked(agent, wish, "", "test") for agent in (*world.agents, AgentId("nobody")) for wish in Wish
        ],
        PolicyChanged: [
            PolicyChanged(p)
            for p in (policy(), policy(("ben", "carl")), policy(()), bare(), calling(), calling((NAILED,)))
        ],
        SwitchAsked: [SwitchAsked(name, on) for name in (LOCKED, SwitchId("none")) for on in (True, False)],
        CampaignAsked: [
            CampaignAsked(name, wish) for name in (SPRING, *CAMPAIGNS, CampaignId("none")) for wish in CampaignWish
        ],
        DoNotCallAsked: [DoNotCallAsked("44", scope, True, off) for scope in ("", SPRING) for off in (False, True)],
        ConsentAsked: [ConsentAsked(E164("33142685300"), "*", given, "on paper") for given in (False, True)],
        PersonErased: [PersonErased((E164("33142685300"),), (ContactId(1),), forget) for forget in (False, True)],
        DispositionChosen: _said(world),
        ContactsClaimed: [
            ContactsClaimed(SPRING, (CLAIMED,), {}),
            ContactsClaimed(SPRING, (), {}),
            *(ContactsClaimed(it, (person(9, it),), ZONES) for it in CAMPAIGNS),
        ],
        DoNotCallLists: [DoNotCallLists({}, {}), DoNotCallLists({"": array("Q", [44])}, {"": frozenset({"1"})})],
        LookedUp: _answers(world),
        ClockCompared: [ClockCompared(0)],
        DatabaseState: [DatabaseState(False, "no answer"), DatabaseState(True)],
        PreviewAsked: [
            PreviewAsked(agent, wish, "test") for agent in (*world.agents, AgentId("nobody")) for wish in PreviewWish
        ],
        TimePassed: [TimePassed()],
    }


CLAIMED = Contact(ContactId(1), SPRING, (Number(E164("33142685300")),))


def _said(world: World) -> list[Event]:
    later = 2_000_000_000 * 1_000_000
    return [
        DispositionChosen(agent, name, amount, "note", at)
        for agent in (*world.agents, AgentId("nobody"))
        for name in (*DISPOSITIONS, DispositionId("none"))
        for amount in (None, 100)
        for at in (None, later, START + seconds(7 * 86_400))
    ]


HEARD = (Heard.NOTHING, Heard.MACHINE, Heard.FAX)
CAUSES = ((16, 0), (34, 503), (19, 0), (17, 486), (21, 603), (0, 302), (20, 404), (0, 0))
"""(cause, SIP status): normal, no answer, busy, declined, forwarded, not registered, never made."""


def _arrivals(world: World) -> list[Event]:
    caller, known = E164("33142685300"), [leg for leg, of in world.legs.items() if of.role is LegRole.CALLER][:1]
    calls: list[Event] = [
        CallArrived(NODE, leg, E164(number), number, caller, "Zoe")
        for number in (*ENTRIES, "19995550100")
        for leg in (LegId("new"), *known)
    ]
    codes: list[Event] = [
        CallArrived(NODE, LegId("new"), E164("1"), code, caller, "", None, phone, None, code)
        for code in (*FEATURES, "*99")
        for phone in (PhoneId("ana"), PhoneId("nobody"), None)
    ]
    return [*calls, *codes, CallArrived(ELSEWHERE, LegId("new"), E164(TO_QUEUE), TO_QUEUE, caller, "")]


def _answers(world: World) -> list[Event]:
    asked = [(call.id, call.phase.request) for call in world.calls.values() if isinstance(call.phase, LookingUp)]
    asked += [(call, LookupId("old")) for call in (*world.calls, CallId("nobody"))]
    return [
        LookedUp(call, request, found, failed)
        for call, request in asked
        for found, failed in (({"name": "Ada"}, ""), ({}, "timeout"))
    ]


def _playing(world: World) -> list[PlaybackId]:
    found: list[PlaybackId] = []
    for call in world.calls.values():
        match call.phase:
            case InMenu(playing=playing) if playing is not None:
                found.append(playing)
            case Announcing(playing=playing):
                found.append(playing)
            case LookingUp(playing=playing) if playing is not None:
                found.append(playing)
            case Queued(place) | Offered(place) if place.playing is not None:
                found.append(place.playing)
    states = [agent.state for agent in world.agents.values()]
    return found + [it.playing for it in states if isinstance(it, Briefed) and it.playing is not None]


def _named(world: World) -> list[frozenset[LegId]]:
    return [frozenset(), frozenset(world.legs)]


def snapshots(world: World) -> list[Snapshot]:
    """All is there; nothing is; all stands elsewhere; and there is more than we know."""
    arrived = CallArrived(NODE, LegId("unheard"), E164(TO_QUEUE), TO_QUEUE, E164("33142685300"), "")
    strangers = (
        LegSeen(LegId("unheard"), LegState.UP, True, "", arrived),
        LegSeen(LegId("unknown"), LegState.UP, True),
        LegSeen(LegId("elsewhere"), LegState.UP, False),
    )
    bridges = (*world.calls, CallId("0" * 26), "hold-sales", "somebody-else's")
    return [
        Snapshot(),
        *(
            Snapshot((*(_seen(leg, state, in_app, bridge) for leg in world.legs), *strangers), bridges)
            for state in LegState
            for in_app in (True, False)
            for bridge in ("", "hold-sales")
        ),
    ]


def _seen(leg: LegId, state: LegState, in_app: bool, bridge: str) -> LegSeen:
    """One that was dialled, and is in the app, says what was heard."""
    answered = LegAnswered(NODE, leg, Heard.HUMAN) if in_app and state is LegState.UP else None
    return LegSeen(leg, state, in_app, bridge, answered)
