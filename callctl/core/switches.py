"""Switches that people turn: named, stored, and off until somebody says otherwise. Queues and calendars are closed
while one of theirs is on."""

from __future__ import annotations

from callctl.core.events import SwitchAsked
from callctl.core.facts import SwitchRefused, SwitchTurned
from callctl.core.ids import PhoneId, SwitchId
from callctl.core.model import Switch
from callctl.core.policy import SwitchPolicy
from callctl.core.turn import Turn


def asked(turn: Turn, event: SwitchAsked) -> None:
    """Somebody sets it. What is so already is no error, and no news."""
    if event.switch not in turn.world.policy.switches:
        turn.tell(SwitchRefused(event.switch, "there is no such switch", event.by))
    elif event.on is not (event.switch in turn.world.switches):
        _turn(turn, event.switch, event.on, event.by)


def dialled(turn: Turn, phone: PhoneId | None, code: str) -> tuple[str, ...]:
    """Its code was dialled on a phone of the house: it is the other way round now. What is said of it; nothing: that
    phone's agent may not."""
    known = next(it for it in turn.world.policy.switches.values() if it.code == code)
    by = _who(turn, phone, known)
    if not by:
        turn.tell(SwitchRefused(known.id, "not from this phone", f"phone {phone or 'unknown'}"))
        return ()
    on = known.id not in turn.world.switches
    _turn(turn, known.id, on, by)
    return known.on_says if on else known.off_says


def _who(turn: Turn, phone: PhoneId | None, switch: SwitchPolicy) -> str:
    """Who dials, if they may: any phone of the house, where nobody is named. A phone that the configuration no longer
    has is none."""
    agent = turn.world.agent_of_phone(phone)
    if phone is None or (switch.may and (agent is None or agent.id not in switch.may)):
        return ""
    return f"agent {agent.id}" if agent is not None else f"phone {phone}"


def forget(turn: Turn) -> None:
    """A new configuration: a switch that it does not have is off, also when it is back."""
    for name in sorted(turn.world.switches.keys() - turn.world.policy.switches.keys()):
        _turn(turn, name, False, "configuration")


def _turn(turn: Turn, name: SwitchId, on: bool, by: str) -> None:
    if on:
        turn.world.switches[name] = Switch(name, turn.now, by)
    else:
        del turn.world.switches[name]
    turn.switches.add(name)
    turn.paced.update(turn.world.outbound.pace_at)  # campaigns keep the hours of calendars
    turn.tell(SwitchTurned(name, on, by))
