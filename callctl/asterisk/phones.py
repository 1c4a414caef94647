"""What AMI says of phones and trunks, as the core's events. Pure: dicts in, events out, only what has changed.

A contact counts when Asterisk has heard from it: `Reachable`. After a restart of Asterisk contacts are back from
its database before anybody knows whether they live (`NonQualified`): a phone that callctl provisions is qualified,
so it waits for the answer. A phone that the operator keeps may not be qualified at all: then it counts unasked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from callctl.asterisk.provision import client_uri, trunk_endpoint
from callctl.asterisk.translate import clean, is_contact
from callctl.core.addresses import Emergency
from callctl.core.events import EmergencyDialled, Event, PhoneBusy, PhoneContacts, TrunkState
from callctl.core.ids import NodeId, PhoneId, TrunkId
from callctl.core.policy import PhoneKind, PhonePolicy, Policy, TrunkKind, TrunkPolicy

Said = Mapping[str, str]
"""An AMI event: header names in lower case."""

MOST_CONTACTS = 10
"""Of one phone that are rung."""
MOST_REFUSED = 1000
"""Refused contacts that are remembered, and characters of one."""
_BUSY = frozenset({"INUSE", "BUSY", "RINGING", "RINGINUSE", "ONHOLD"})
_NOT_SEEN = "not yet asked"


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact of an endpoint, as a full look finds it."""

    endpoint: str
    uri: str
    status: str
    """Asterisk's word: Reachable, Unreachable, NonQualified, Unknown."""


@dataclass(frozen=True, slots=True)
class Lists:
    """The answers of one full look."""

    contacts: Iterable[Contact]
    devices: Iterable[Said]
    registrations: Iterable[Said]
    qualified: Iterable[str] = ()
    """Endpoints that the operator keeps and Asterisk asks by itself, by the `qualify_frequency` of their aors."""


@dataclass(slots=True)
class Phones:
    """The state of one node's phones and trunks, as last told."""

    node: NodeId
    policy: Policy
    _contacts: dict[str, dict[str, str]] = field(default_factory=dict)
    """By endpoint: contact URI → Asterisk's status."""
    _devices: dict[str, str] = field(default_factory=dict)
    _registered: dict[str, str] = field(default_factory=dict)
    """By the registration's client URI: its status."""
    _told: dict[tuple[str, str], Event] = field(default_factory=dict)
    _by_endpoint: dict[str, list[PhonePolicy | TrunkPolicy]] = field(init=False)
    """Devices tell of their state a dozen times a call: nobody is to be looked for among all phones."""
    _qualified: set[str] = field(default_factory=set)
    _refused: dict[tuple[str, str], bool] = field(default_factory=dict)
    """By endpoint and contact URI, those that must not be dialled: whether it was asked for already."""

    def __post_init__(self) -> None:
        self._by_endpoint = {}
        for phone in self._phones():
            self._by_endpoint.setdefault(phone.endpoint, []).append(phone)
        for trunk in self._trunks():
            self._by_endpoint.setdefault(trunk_endpoint(trunk.id), []).append(trunk)

    def full(self, lists: Lists) -> list[Event]:
        """Forget what was known, take the lists, and tell everything."""
        self._contacts, self._devices, self._registered = {}, {}, {}
        self._qualified = set(lists.qualified)
        self._told.clear()
        for contact in lists.contacts:
            self._contact(contact.endpoint, contact.uri, contact.status)
        for said in lists.devices:
            self._device(said)
        for said in lists.registrations:
            self._registered[said.get("clienturi", "")] = said.get("status", "")
        return [event for event in self._all() if self._is_news(event)]

    def event(self, said: Said) -> list[Event]:
        """What one AMI event changes."""
        match said.get("event"):
            case "ContactStatus":
                # Of a trunk's own contact no endpoint is told at first; its aor has the same name.
                endpoint = said.get("endpointname") or said.get("aor", "")
                self._contact(endpoint, said.get("uri", ""), said.get("contactstatus", ""))
                return self._news(endpoint)
            case "DeviceStateChange":
                endpoint = self._device(said)
                return self._news(endpoint) if endpoint else []
            case "Registry":
                self._registered[said.get("username", "")] = said.get("status", "")
                return [e for t in self._trunks() if self._is_news(e := self._trunk_state(t))]
            case "UserEvent":
                return [e for e in (self._emergency(said),) if e is not None]
            case _:
                return []

    def endpoints(self) -> Iterator[tuple[str, bool]]:
        """The endpoints to look at, and whether their aor has the same name (so callctl writes them)."""
        for phone in self._phones():
            yield phone.endpoint, phone.kind is PhoneKind.PROVISIONED
        for trunk in self._trunks():
            yield trunk_endpoint(trunk.id), True

    def unqualified(self) -> list[str]:
        """Endpoints that are to be asked, with a contact that nobody has asked yet: after a restart of Asterisk."""
        return [
            endpoint
            for endpoint, ours in self.endpoints()
            if (ours or endpoint in self._qualified)
            and {"NonQualified", "Unknown"} & set(self._contacts.get(endpoint, {}).values())
        ]

    def refused(self) -> list[tuple[str, str]]:
        """Endpoint and URI of each contact that is not rung for what stands in it; each is told once. The URI is a
        phone's own text: for people, and cleaned."""
        new = [key for key, told in self._refused.items() if not told]
        self._refused.update((key, True) for key in new)
        return [(endpoint, clean(uri)) for endpoint, uri in new]

    def _device(self, said: Said) -> str:
        """Note a device's state; the endpoint's name, or nothing for other kinds of device."""
        kind, _, endpoint = said.get("device", "").partition("/")
        if kind != "PJSIP":
            return ""
        self._devices[endpoint] = said.get("state", "")
        return endpoint

    def _contact(self, endpoint: str, uri: str, status: str) -> None:
        known = self._contacts.setdefault(endpoint, {})
        if status == "Removed":
            known.pop(uri, None)
        elif is_contact(uri):
            known[uri] = status
        elif uri and len(self._refused) < MOST_REFUSED and any(p.endpoint == endpoint for p in self._phones()):
            self._refused.setdefault((endpoint, uri[:MOST_REFUSED]), False)

    def _phones(self) -> Iterator[PhonePolicy]:
        """Those of the house: of a number outside nobody tells how it is."""
        return (p for p in self.policy.phones.values() if p.node == self.node and p.outside is None)

    def _trunks(self) -> Iterator[TrunkPolicy]:
        return (t for t in self.policy.trunks.values() if t.node == self.node)

    def _all(self) -> Iterator[Event]:
        for phone in self._phones():
            yield self._phone_contacts(phone)
            yield self._phone_busy(phone)
        for trunk in self._trunks():
            yield self._trunk_state(trunk)

    def _news(self, endpoint: str) -> list[Event]:
        found: list[Event] = []
        for one in self._by_endpoint.get(endpoint, ()):
            if isinstance(one, PhonePolicy):
                found += [self._phone_contacts(one), self._phone_busy(one)]
            else:
                found.append(self._trunk_state(one))
        return [event for event in found if self._is_news(event)]

    def _is_news(self, event: Event) -> bool:
        match event:
            case PhoneContacts(phone=phone):
                key = ("contacts", str(phone))
            case PhoneBusy(phone=phone):
                key = ("busy", str(phone))
            case TrunkState(trunk=trunk):
                key = ("trunk", str(trunk))
            case _:
                return True
        if self._told.get(key) == event:
            return False
        self._told[key] = event
        return True

    def _phone_contacts(self, phone: PhonePolicy) -> Event:
        counts = {"Reachable"}
        if phone.kind is PhoneKind.EXISTING and phone.endpoint not in self._qualified:
            counts |= {"NonQualified", "Unknown", "Created", "Updated"}
        known = self._contacts.get(phone.endpoint, {})
        usable = sorted(uri for uri, status in known.items() if status in counts and is_contact(uri))
        return PhoneContacts(self.node, phone.id, tuple(usable[:MOST_CONTACTS]))

    def _phone_busy(self, phone: PhonePolicy) -> Event:
        return PhoneBusy(self.node, phone.id, self._devices.get(phone.endpoint, "") in _BUSY)

    def _trunk_state(self, trunk: TrunkPolicy) -> Event:
        up, why = True, "not asked: qualify is off"
        if trunk.qualify > 0:
            up, why = self._answers(trunk)
        if trunk.kind is TrunkKind.REGISTER:
            status = self._registered.get(client_uri(trunk), _NOT_SEEN)
            if status != "Registered":
                up, why = False, f"registration: {status.lower()}"
            elif up:
                why = "registered"
        return TrunkState(self.node, TrunkId(trunk.id), up, why)

    def _answers(self, trunk: TrunkPolicy) -> tuple[bool, str]:
        """Whether the other side answers OPTIONS."""
        statuses = self._contacts.get(trunk_endpoint(trunk.id), {}).values()
        if "Reachable" in statuses:
            return True, "answers OPTIONS"
        return False, "does not answer OPTIONS" if "Unreachable" in statuses else _NOT_SEEN

    def _emergency(self, said: Said) -> Event | None:
        if said.get("userevent") != "CallctlEmergency":
            return None
        phone, number = PhoneId(said.get("phone", "")), Emergency(said.get("number", ""))
        if phone not in self.policy.phones or number not in self.policy.emergency.numbers:
            return None
        result = said.get("result", "")
        return EmergencyDialled(self.node, phone, number, result if result.replace("_", "").isalpha() else "")
