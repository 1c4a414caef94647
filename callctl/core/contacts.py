"""People on lists, as they are when they are claimed: numbers, consent, and what has happened to them before."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from callctl.core.addresses import E164
from callctl.core.ids import AgentId, CampaignId, ContactId, Micros
from callctl.core.law import AttemptOutcome


@dataclass(frozen=True, slots=True)
class Number:
    """One of a contact's numbers."""

    address: E164
    kind: str = ""
    """A word of the list's: mobile, home, work."""
    country: str = ""
    """ISO 3166, by the number; empty: it may be of several."""
    zones: tuple[str, ...] = ()
    """Time zones (IANA) in which it may be, by the number."""
    states: tuple[str, ...] = ()
    """States of the country in which it may be, by the number (ISO 3166-2 without the country); none: any."""
    barred: str = ""
    """Why it is not called for this contact any more; empty: it may be."""
    promised: bool = False
    """A time to call was agreed with somebody else there."""
    premium: bool = False
    """Who calls it pays more than for a call: a premium-rate number."""


@dataclass(frozen=True, slots=True)
class Consent:
    """Given by the person to be called at a number."""

    number: E164
    scope: str
    """What for: a word of the house; `*`: for all."""
    given: Micros
    how: str
    """On paper, on a web page, on the phone, …: for people."""


class Happened(StrEnum):
    """What is remembered of the past, because a rule counts it."""

    ATTEMPT = "attempt"
    CONVERSATION = "conversation"
    REFUSAL = "refusal"
    CONSENTED = "consented"
    """Consent was given, for `scope`; of who was claimed before."""
    REVOKED = "revoked"
    """Consent was, for `scope`."""


@dataclass(frozen=True, slots=True)
class Past:
    """One thing that happened. Also of other campaigns, where it was to the same number or about the same debt."""

    id: str
    """The attempt's or call's: the same thing is remembered once."""
    at: Micros
    what: Happened
    number: str
    """Digits."""
    contact: ContactId | None = None
    debt: str = ""
    outcome: AttemptOutcome | None = None
    """Of an attempt that is over."""
    scope: str = ""
    """Of a consent that was revoked."""


@dataclass(frozen=True, slots=True)
class Callback:
    """A time agreed with the person."""

    at: Micros
    number: E164
    agent: AgentId | None = None
    """Who promised it; None: anybody."""
    theirs_until: Micros = 0
    """Then it is anybody's."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody on a campaign's list, as claimed."""

    id: ContactId
    campaign: CampaignId
    numbers: tuple[Number, ...]
    """In the order in which they are tried."""
    next_number: int = 0
    name: str = ""
    zone: str = ""
    """Where the person says to be (IANA); empty: not said."""
    country: str = ""
    state: str = ""
    debt: str = ""
    """What the calls are about, where a rule counts by that."""
    consents: tuple[Consent, ...] = ()
    past: tuple[Past, ...] = ()
    """As far back as the longest rule counts."""
    attempts: int = 0
    """In this campaign, in all."""
    outcomes: tuple[tuple[AttemptOutcome, int], ...] = ()
    """How often they ended so."""
    per_number: tuple[int, ...] = ()
    """Attempts to each number, in all."""
    callback: Callback | None = None
    claimed: Micros = 0
    """When it was read: what happened since is in the World."""
