"""Phones of the simulator: their accounts, their configuration, what they do when they ring."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from callctl.lab.ports import HOST

if TYPE_CHECKING:
    from callctl.lab.line import Line
    from callctl.lab.network import Network


GREETING = "vm-theperson&digits/1&vm-isunavail&vm-intro"
"""Of an answering machine: "The person at extension 1 is unavailable. Please leave your message after the tone. …"."""


@dataclass(frozen=True)
class Account:
    """A phone's account at the node: the endpoint's name there, which is also its user name, and its password."""

    name: str
    password: str


class Behaviour:
    """What a phone (or a number) does when it rings; each returns the text for `behave`.

    `after` is how many seconds it rings first.
    """

    @staticmethod
    def answer(after: float = 0) -> str:
        return f"answer:{after:g}"

    @staticmethod
    def never() -> str:
        return "never"

    @staticmethod
    def busy(after: float = 0) -> str:
        """486."""
        return f"busy:{after:g}"

    @staticmethod
    def status(code: int, after: float = 0) -> str:
        """Any final SIP status from 400 to 699: 603 is a person's "no", 500 and 503 are broken phones."""
        if not 400 <= code <= 699:
            raise ValueError(f"not a failure: {code}")
        return f"status:{after:g}:{code}"

    @staticmethod
    def forward(number: str, after: float = 0) -> str:
        """302 to a number."""
        return f"forward:{after:g}:{number}"

    @staticmethod
    def drop(after: float = 0, stay: float = 0.5) -> str:
        """Answer, and hang up `stay` seconds later."""
        return f"drop:{after:g}:{stay:g}"

    @staticmethod
    def early(after: float = 0) -> str:
        """183 with a ringing tone, and an answer."""
        return f"early:{after:g}"

    @staticmethod
    def human(after: float = 0, says: str = "hello", pause: float = 0.4) -> str:
        """A person: answers, says something (sounds, with & between them) after `pause` seconds, and listens."""
        return f"human:{after:g}:{says}:{pause:g}"

    @staticmethod
    def voicemail(
        after: float = 0, says: str = GREETING, pause: float = 0.5, hz: float = 1000, beep: float = 0.4
    ) -> str:
        """An answering machine: a greeting, `pause` seconds, a beep of `beep` seconds; then it records
        (`Line.heard(after_beep=True)`)."""
        return f"voicemail:{after:g}:{says}:{pause:g}:{hz:g}:{beep * 1000:.0f}"

    @staticmethod
    def silence(after: float = 0) -> str:
        """Answers, and says nothing."""
        return f"silence:{after:g}"

    @staticmethod
    def fax(after: float = 0, quiet: float = 0.5) -> str:
        """A fax that is called: `quiet` seconds, and the answering tone (2100 Hz). Real ones are quiet for 1.8 s to
        2.5 s (ITU-T T.30)."""
        return f"fax:{after:g}:{quiet:g}"

    @staticmethod
    def sit() -> str:
        """Special information tones and an announcement before any answer, then 404."""
        return "sit"

    @staticmethod
    def sit_answered(after: float = 0) -> str:
        """The same as an answer, over and over."""
        return f"sitanswered:{after:g}"

    @staticmethod
    def no_answer(after: float = 0) -> str:
        """480."""
        return f"noanswer:{after:g}"

    @staticmethod
    def unallocated(after: float = 0) -> str:
        """404."""
        return f"unallocated:{after:g}"

    @staticmethod
    def congestion(after: float = 0) -> str:
        """503."""
        return f"congestion:{after:g}"


class Phone:
    """One SIP phone, with one contact or more (the second is NAME~1, and so on)."""

    def __init__(self, network: "Network", account: Account) -> None:
        self._network = network
        self.account = account
        self.contacts = 1

    @property
    def name(self) -> str:
        return self.account.name

    async def behave(self, how: str, tone_hz: float = 0, contact: int = 0) -> None:
        """What it does from now on when it rings (`Behaviour`), and the tone it sends while talking."""
        key = _contact(self.name, contact)
        await self._network.set_global(f"BEHAVE_{key}", how)
        await self._network.set_global(f"TONE_{key}", f"{tone_hz:g}")

    async def dial(self, number: str, tone_hz: float = 0, timeout: float = 60) -> "Line":
        """Dial from this phone, with its account: a feature code, an extension, an emergency number."""
        return await self._network.originate(
            f"PJSIP/{number}@phone-{self.name}", (self.name, self.name), tone_hz, {}, timeout
        )

    async def register(self, contact: int = 0) -> None:
        await self._network.ami.action("PJSIPRegister", {"Registration": _registration(self.name, contact)})

    async def unregister(self, contact: int = 0) -> None:
        """Take the contact back, until `register`."""
        await self._network.ami.action("PJSIPUnregister", {"Registration": _registration(self.name, contact)})

    async def set_contacts(self, count: int) -> None:
        """Register `count` contacts (softphone and desk phone of one person)."""
        self.contacts = count
        await self._network.reload_phones()

    def lines(self) -> "list[Line]":
        """The lines of every call that reached this phone, oldest first."""
        return [self._network.line(a.channel) for a in self._network.arrivals if a.phone.split("~")[0] == self.name]

    async def wait_rung(self, after: int = 0, timeout: float = 10) -> "Line":
        """The line of its call number `after` (from 0), as soon as it rings."""
        await self._network.until(lambda: len(self.lines()) > after, f"a call to {self.name}", timeout)
        return self.lines()[after]


def _contact(name: str, contact: int) -> str:
    return name if contact == 0 else f"{name}~{contact}"


def _registration(name: str, contact: int) -> str:
    return f"reg-{name}" if contact == 0 else f"reg-{name}~{contact}"


def trunk_conf(node_sip: int) -> str:
    """The node, seen from the telephone network."""
    return f"""
[node]
type=endpoint
transport=transport-trunk
context=from-node
disallow=all
allow=alaw,ulaw
direct_media=no
dtmf_mode=rfc4733
aors=node
trust_id_inbound=yes
; As a carrier whose key presses travel as SIP INFO.
[node-info]
type=endpoint
transport=transport-trunk
context=from-node
disallow=all
allow=alaw,ulaw
direct_media=no
dtmf_mode=info
aors=node
[node]
type=aor
contact=sip:{HOST}:{node_sip}
[node]
type=identify
endpoint=node
match={HOST}:{node_sip}
"""


def customer_conf(customer: Account) -> str:
    """A customer of the telephone network who registers there: the node, with a trunk of kind `register`."""
    name = customer.name
    return f"""
[{name}]
type=endpoint
transport=transport-trunk
context=from-node
disallow=all
allow=alaw,ulaw
direct_media=no
dtmf_mode=rfc4733
aors={name}
auth={name}
[{name}]
type=aor
max_contacts=1
remove_existing=yes
[{name}]
type=auth
auth_type=userpass
username={name}
password={customer.password}
"""


def account_conf(account: Account, node_sip: int) -> str:
    """What a phone dials out with."""
    name = account.name
    return f"""
[phone-{name}]
type=endpoint
transport=transport-phones
context=from-node
disallow=all
allow=alaw,ulaw
direct_media=no
dtmf_mode=rfc4733
aors=phone-{name}
outbound_auth=phone-{name}
from_user={name}
[phone-{name}]
type=aor
contact=sip:{HOST}:{node_sip}
[phone-{name}]
type=auth
auth_type=userpass
username={name}
password={account.password}
"""


def contact_conf(account: Account, node_sip: int, contact: int) -> str:
    """One registration at the node; it is tried again every second, for ever."""
    return f"""
[{_registration(account.name, contact)}]
type=registration
transport=transport-phones
outbound_auth=phone-{account.name}
server_uri=sip:{HOST}:{node_sip}
client_uri=sip:{account.name}@{HOST}:{node_sip}
contact_user=ua-{_contact(account.name, contact)}
expiration=120
retry_interval=1
max_retries=1000000
forbidden_retry_interval=1
fatal_retry_interval=1
auth_rejection_permanent=no
max_random_initial_delay=0
"""
