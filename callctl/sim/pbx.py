"""A model of the PBX: channels, bridges and phones as the commands and people make them. No SIP, no time of its own.

What it does follows Asterisk as seen through ARI: a hang-up takes a channel out of the app (`LegLeft`) and away
(`LegGone`); commands to what is gone are 404s, which change nothing; a bridge needs both channels in the app.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from callctl.core.addresses import E164
from callctl.core.commands import (
    Answer,
    Bridge,
    Command,
    Dial,
    DropBridge,
    HandOver,
    Hangup,
    Hold,
    Lease,
    Play,
    RingPhone,
    StopPlay,
    Unhold,
)
from callctl.core.events import (
    BridgeFailed,
    CallArrived,
    DigitPressed,
    Event,
    Heard,
    LegAnswered,
    LegGone,
    LegLeft,
    LegRinging,
    LegSeen,
    LegState,
    LegUp,
    MessageLeft,
    PhoneBusy,
    PhoneContacts,
    PlaybackEnded,
    Snapshot,
)
from callctl.core.ids import NO_CALL, LegId, Micros, NodeId, PhoneId, PlaybackId
from callctl.sim.office import NODE


@dataclass
class Channel:
    id: LegId
    state: LegState
    in_app: bool
    arrival: CallArrived | LegAnswered | None = None
    phone: PhoneId | None = None
    """Of an agent's leg."""
    is_line: bool = False
    """It stays for many talks."""
    number: str = ""
    """Of a leg to somebody on a list: whom it reaches, in digits."""
    detects: bool = False
    """Answering machine detection comes before the app."""
    words_until: float = 0.0
    """Until then, by the loop's clock, the dialplan tells them that nobody is there."""
    bridge: str = ""
    playing: PlaybackId | None = None
    behind: list[PlaybackId] = field(default_factory=list)
    """What is played after that: nothing stops by itself for what comes later."""
    lease: Micros | None = None
    left: bool = False
    """The dialplan has it: its time limit is no longer ours to set."""


@dataclass
class ModelPbx:
    node: NodeId = NODE
    booted: str = "boot-1"
    link: bool = True
    """Whether events reach callctl."""
    bridging_works: bool = True
    channels: dict[LegId, Channel] = field(default_factory=dict)
    bridges: set[str] = field(default_factory=set)
    phones: dict[PhoneId, tuple[str, ...]] = field(default_factory=dict)
    in_use: set[PhoneId] = field(default_factory=set)
    """Phones in use by something that is not ours."""
    said_busy: dict[PhoneId, bool] = field(default_factory=dict)
    news: list[Event] = field(default_factory=list)
    """Said, and not yet delivered."""
    tones: set[PlaybackId] = field(default_factory=set)
    """What is played until it is stopped."""
    touched: set[LegId] = field(default_factory=set)
    """Channels that an event or a command has named since the last snapshot."""
    gone: set[LegId] = field(default_factory=set)
    """Channels of which an event has said since then that they ended, or left the app."""

    # ── commands ─────────────────────────────────────────────────────────────────────────────

    def carry(self, command: Command) -> None:
        """Carry out a command, as often as it comes."""
        match command:
            case Answer(leg=leg) if leg in self.channels:
                self.channels[leg].state = LegState.UP
            case Play():
                self._play(command.leg, command.playback, tone=command.prompts[0].startswith("tone:"))
            case StopPlay(playback=playback):
                for channel in self.channels.values():
                    self._stop(channel, playback)
            case Hold(leg=leg, queue=queue) if self._in_app(leg):
                self.bridges.add(f"hold-{queue}")
                self.channels[leg].bridge = f"hold-{queue}"
            case Unhold(leg=leg, queue=queue) if leg in self.channels:
                if self.channels[leg].bridge == f"hold-{queue}":
                    self.channels[leg].bridge = ""
            case RingPhone(leg=leg) | Dial(leg=leg) if leg not in self.channels:
                self._make(command)
            case Bridge():
                self._join(command)
            case DropBridge(bridge=bridge):
                self.bridges.discard(bridge)
                for channel in self.channels.values():
                    channel.bridge = "" if channel.bridge == bridge else channel.bridge
            case HandOver(leg=leg) if self._in_app(leg):
                self.leave(self.channels[leg])
            case Hangup(leg=leg) if leg in self.channels:
                self.end(self.channels[leg], 16)
            case Lease(leg=leg, length=length) if leg in self.channels:
                channel = self.channels[leg]
                coming = any(isinstance(event, LegLeft) and event.leg == leg for event in self.news)
                assert coming or not channel.left, f"{leg} is in the fallback, and would be cut off by a lease"
                channel.lease = length

    def _join(self, command: Bridge) -> None:
        if self.bridging_works and self._in_app(command.caller) and self._in_app(command.agent):
            self.bridges.add(command.bridge)
            self.channels[command.caller].bridge = self.channels[command.agent].bridge = command.bridge
        else:
            self._say(
                BridgeFailed(self.node, command.call, command.agent, "a channel is not in the app", command.attempt)
            )

    def _in_app(self, leg: LegId) -> bool:
        return leg in self.channels and self.channels[leg].in_app

    def _play(self, leg: LegId, playback: PlaybackId, *, tone: bool) -> None:
        if tone:
            self.tones.add(playback)
        if not self._in_app(leg):
            self._say(PlaybackEnded(self.node, leg, playback, failed=True))
            return
        channel = self.channels[leg]
        if channel.playing is not None:
            channel.behind.append(playback)
        else:
            channel.playing = playback

    def _stop(self, channel: Channel, playback: PlaybackId) -> None:
        if channel.playing == playback:
            self.heard(channel)
        elif playback in channel.behind:
            channel.behind.remove(playback)
            self._say(PlaybackEnded(self.node, channel.id, playback))

    def _make(self, command: RingPhone | Dial) -> None:
        if isinstance(command, Dial):
            self.touched.add(command.leg)
            number = command.permit.to.number.digits
            self.channels[command.leg] = Channel(
                command.leg, LegState.DOWN, False, number=number, detects=command.detect
            )
            return
        outside = command.permit is not None
        phone = PhoneId(command.permit.to.dial if command.permit is not None else command.endpoint)
        self.touched.add(command.leg)
        if not outside and not self.phones.get(phone):
            self._say(LegGone(self.node, command.leg, 20, 0))
            return
        is_line = command.call == NO_CALL
        self.channels[command.leg] = Channel(command.leg, LegState.DOWN, False, phone=phone, is_line=is_line)

    # ── people ───────────────────────────────────────────────────────────────────────────────

    def arrive(self, leg: LegId, number: str) -> None:
        arrival = CallArrived(self.node, leg, E164(number), number, E164("33142685300"), "Zoe")
        self.channels[leg] = Channel(leg, LegState.RINGING, True, arrival)
        self._say(arrival)

    def end(self, channel: Channel, cause: int, sip: int = 0) -> None:
        """The channel is hung up, by whomever."""
        del self.channels[channel.id]
        for playback in filter(None, (channel.playing, *channel.behind)):
            self._say(PlaybackEnded(self.node, channel.id, playback, failed=True))
        if channel.in_app:
            self._say(LegLeft(self.node, channel.id))
        self._say(LegGone(self.node, channel.id, cause, sip))
        self.say_busy(channel.phone)

    def press(self, channel: Channel, digit: str) -> None:
        self._say(DigitPressed(self.node, channel.id, digit))

    def heard(self, channel: Channel) -> None:
        playback, channel.playing = channel.playing, channel.behind.pop(0) if channel.behind else None
        assert playback is not None
        self._say(PlaybackEnded(self.node, channel.id, playback))

    def ring(self, channel: Channel) -> None:
        channel.state = LegState.RINGING
        self._say(LegRinging(self.node, channel.id))
        self.say_busy(channel.phone)

    def answer(self, channel: Channel) -> None:
        channel.state, channel.in_app = LegState.UP, True
        self._say(LegAnswered(self.node, channel.id))
        self.say_busy(channel.phone)

    def pick_up(self, channel: Channel) -> None:
        """Something answers a call to somebody on a list; the dialplan has it still."""
        channel.state = LegState.UP
        self._say(LegUp(self.node, channel.id))

    def enter(self, channel: Channel, heard: Heard, quiet: Micros) -> None:
        """It comes into the app, with what detection made of it."""
        channel.in_app, channel.arrival = True, LegAnswered(self.node, channel.id, heard, quiet)
        self._say(channel.arrival)

    def leave_message(self, channel: Channel) -> None:
        """The message has been played to its end."""
        self._say(MessageLeft(self.node, channel.id))

    def leave(self, channel: Channel) -> None:
        """Redirected, or its lease ended: the dialplan has it."""
        channel.in_app, channel.bridge, channel.left = False, "", True
        while channel.playing is not None:
            self.heard(channel)
        self._say(LegLeft(self.node, channel.id))

    def register(self, phone: PhoneId, contacts: tuple[str, ...]) -> None:
        self.phones[phone] = contacts
        self._say(PhoneContacts(self.node, phone, contacts))

    def say_busy(self, phone: PhoneId | None) -> None:
        """Say whether the device is in use, if that is news."""
        if phone is None or phone not in self.phones:
            return
        ours = (c for c in self.channels.values() if c.phone == phone and c.state is not LegState.DOWN)
        busy = phone in self.in_use or any(True for _ in ours)
        if self.said_busy.get(phone) != busy:
            self.said_busy[phone] = busy
            self._say(PhoneBusy(self.node, phone, busy))

    def playing(self, leg: LegId) -> tuple[PlaybackId, ...]:
        """What is played to it, and what behind that."""
        channel = self.channels.get(leg)
        return () if channel is None or channel.playing is None else (channel.playing, *channel.behind)

    def hush(self) -> None:
        """What the link does at a reconnect: nothing else can be done to a leg while it hears a prompt."""
        for leg in self.channels:
            for playback in self.playing(leg):
                self.carry(StopPlay(self.node, playback))

    # ── the link ─────────────────────────────────────────────────────────────────────────────

    def _say(self, event: Event) -> None:
        if leg := getattr(event, "leg", None):
            self.touched.add(leg)
            if isinstance(event, LegGone | LegLeft):
                self.gone.add(leg)
        if self.link:
            self.news.append(event)

    def restart(self) -> None:
        """Another PBX process: nothing of the old one is left, and no phone has registered."""
        self.booted = f"boot-{int(self.booted.removeprefix('boot-')) + 1}"
        self.link = False
        self.news.clear()
        self.channels.clear()
        self.bridges.clear()
        self.in_use.clear()
        self.said_busy.clear()
        self.phones = dict.fromkeys(self.phones, ())

    def report_phones(self) -> None:
        """What the adapter says of every phone after a connect, and after a new policy."""
        self.said_busy.clear()
        for phone, contacts in self.phones.items():
            self._say(PhoneContacts(self.node, phone, contacts))
            self.say_busy(phone)

    def snapshot(self) -> Snapshot:
        self.touched.clear()
        self.gone.clear()
        legs = tuple(LegSeen(c.id, c.state, c.in_app, c.bridge, c.arrival) for c in self.channels.values())
        return Snapshot(legs, tuple(sorted(self.bridges)))
