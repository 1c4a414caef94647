"""The scalars of the configuration: how each is read, and what is said when it is wrong."""

from __future__ import annotations

import difflib
import ipaddress
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import available_timezones

import phonenumbers
from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from callctl.core.ids import MILLISECOND, SECOND, Micros
from callctl.settings.errors import shown

UNITS: dict[str, Micros] = {
    "ms": MILLISECOND,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
    "d": 86400 * SECOND,
}


def bad(wrong: str, right: str, at: str = "") -> PydanticCustomError:
    """The error that a type raises; `at` names a key inside the mapping that is judged."""
    return PydanticCustomError("callctl", "{wrong}", {"wrong": wrong, "right": right, "at": at})


def kind_of(value: object) -> str:
    """What a YAML value is, for people."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else "text"


def nearest(word: str, words: Iterable[str]) -> str:
    """`did you mean …?`, or the words to choose from."""
    known = list(words)
    close = difflib.get_close_matches(word[:60], known, n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    if not known:
        return "there are none yet"
    return f"one of: {', '.join(known[:12])}{' …' if len(known) > 12 else ''}"


class Kind(ABC):
    """A scalar's type, for `Annotated[T, Kind]`. Reads text; a bool, a list or nothing is told apart."""

    wanted = "text"

    @abstractmethod
    def read(self, text: str, known: dict[str, Any]) -> object:
        """The value; raises `bad(...)`. `known` is what the rest of the configuration holds."""

    @abstractmethod
    def schema(self) -> JsonSchemaValue:
        """For editors: what YAML may hold here."""

    def _any(self, value: object, info: core_schema.ValidationInfo) -> object:
        if not isinstance(value, str):
            quotes = ", in quotes if it is meant as text" if isinstance(value, bool) else ""
            raise bad(f"{kind_of(value)} is written here", f"write {self.wanted}{quotes}")
        return self.read(value, info.context or {})

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(self._any)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return self.schema()


@dataclass(frozen=True)
class Text(Kind):
    """Text of a pattern. `wanted` says in words what fits."""

    pattern: str
    wanted: str
    number: bool = False
    """YAML may show it as a number: an extension, say."""

    def read(self, text: str, known: dict[str, Any]) -> object:
        if not re.fullmatch(self.pattern, text):
            raise bad(f"{shown(text)} does not fit", f"write {self.wanted}")
        return text

    def schema(self) -> JsonSchemaValue:
        kind: Any = ["string", "integer"] if self.number else "string"
        return {"type": kind, "pattern": f"^(?:{self.pattern})$"}


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number between two bounds."""

    low: int
    high: int

    def read(self, text: str, known: dict[str, Any]) -> object:
        right = f"write a whole number from {self.low} to {self.high}"
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise bad(f"{shown(text)} is no whole number", right)
        if not self.low <= int(text) <= self.high:
            raise bad(f"{shown(text)} is out of range", right)
        return int(text)

    @property
    def wanted(self) -> str:  # type: ignore[override]
        return f"a whole number from {self.low} to {self.high}"

    def schema(self) -> JsonSchemaValue:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


class Switch(Kind):
    """true or false, and no other word."""

    def _any(self, value: object, info: core_schema.ValidationInfo) -> object:
        if isinstance(value, bool):
            return value
        what = shown(value) if isinstance(value, str) else kind_of(value)
        raise bad(f"{what} is neither true nor false", "write `true` or `false`, without quotes")

    def read(self, text: str, known: dict[str, Any]) -> object:
        raise NotImplementedError

    def schema(self) -> JsonSchemaValue:
        return {"type": "boolean"}


def duration(text: str) -> Micros | None:
    """`20s`, `5m`, `1h30m`, `500ms` in microseconds; None when it is none."""
    if not re.fullmatch(r"(?:[0-9]{1,9}(?:ms|s|m|h|d))+", text):
        return None
    parts: list[tuple[str, str]] = re.findall(r"([0-9]+)(ms|[smhd])", text)
    return sum(int(n) * UNITS[unit] for n, unit in parts)


def duration_text(length: Micros) -> str:
    """The shortest way to write a length of time: `1h30m`."""
    if length == 0:
        return "0s"
    text = ""
    for unit in ("d", "h", "m", "s", "ms"):
        count, length = divmod(length, UNITS[unit])
        text += f"{count}{unit}" if count else ""
    return text + (f"{length}µs" if length else "")


@dataclass(frozen=True)
class Length(Kind):
    """A length of time between two bounds, given as text too."""

    low: str
    high: str
    zero: bool = False
    """0s is allowed too, and means: never, or none."""

    @property
    def wanted(self) -> str:  # type: ignore[override]
        return f"a length of time from {self.low} to {self.high}{' (or 0s)' if self.zero else ''}"

    def read(self, text: str, known: dict[str, Any]) -> object:
        length = duration(text)
        if length is None and re.fullmatch(r"[0-9]{1,9}", text):
            raise bad(f"{shown(text)} has no unit", f"write `{text}s` for seconds, or `m`, `h`, `ms`")
        if length is None:
            raise bad(f"{shown(text)} is no length of time", "write it as `20s`, `5m` or `1h30m`")
        low, high = duration(self.low), duration(self.high)
        assert low is not None
        assert high is not None
        if not (low <= length <= high or (self.zero and length == 0)):
            raise bad(f"{shown(text)} is out of range", f"write {self.wanted}")
        return length

    def schema(self) -> JsonSchemaValue:
        return {"type": "string", "pattern": "^([0-9]+(ms|s|m|h|d))+$"}


class Percent(Kind):
    """A part of a hundred, exactly: of 100,000."""

    wanted = "a percentage from 0% to 100% such as `3%` or `2.5%`, of at most three decimals"

    def read(self, text: str, known: dict[str, Any]) -> object:
        if re.fullmatch(r"[0-9]{1,3}(?:[.][0-9]{1,3})?", text):
            raise bad(f"{shown(text)} has no percent sign", f"write `{text}%`")
        found = re.fullmatch(r"([0-9]{1,3})(?:[.]([0-9]{1,3}))?%", text)
        if found is None:
            raise bad(f"{shown(text)} is no percentage", f"write {self.wanted}")
        value = int(found[1]) * 1000 + int((found[2] or "").ljust(3, "0"))
        if value > 100_000:
            raise bad(f"{shown(text)} is out of range", f"write {self.wanted}")
        return value

    def schema(self) -> JsonSchemaValue:
        return {"type": "string", "pattern": "^[0-9]{1,3}([.][0-9]{1,3})?%$"}


def percent_text(share: int) -> str:
    """A share of 100,000 as people write it: 3,000 is `3%`."""
    whole, rest = divmod(share, 1000)
    return f"{whole}{f'.{rest:03}'.rstrip('0') if rest else ''}%"


@dataclass(frozen=True)
class Hundredths(Kind):
    """A number of at most two decimals between two whole ones, exactly: in hundredths."""

    low: int
    high: int

    @property
    def wanted(self) -> str:  # type: ignore[override]
        return f"a number from {self.low} to {self.high} such as `1.5`, of at most two decimals"

    def read(self, text: str, known: dict[str, Any]) -> object:
        found = re.fullmatch(r"([0-9]{1,9})(?:[.]([0-9]{1,2}))?", text)
        if found is None:
            raise bad(f"{shown(text)} is no such number", f"write {self.wanted}")
        value = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
        if not self.low * 100 <= value <= self.high * 100:
            raise bad(f"{shown(text)} is out of range", f"write {self.wanted}")
        return value

    def schema(self) -> JsonSchemaValue:
        return {"type": "number", "minimum": self.low, "maximum": self.high}


def hundredths_text(value: int) -> str:
    """Hundredths as people write them: 150 is `1.5`."""
    return f"{value / 100:.2f}".rstrip("0").rstrip(".")


@dataclass(frozen=True)
class OneOf(Kind):
    """A word of an enumeration."""

    words: type[StrEnum]

    @property
    def wanted(self) -> str:  # type: ignore[override]
        return f"one of: {', '.join(self.words)}"

    def read(self, text: str, known: dict[str, Any]) -> object:
        try:
            return self.words(text)
        except ValueError:
            raise bad(f"{shown(text)} is not known here", nearest(text, [str(w) for w in self.words])) from None

    def schema(self) -> JsonSchemaValue:
        return {"type": "string", "enum": [str(w) for w in self.words]}


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class HoursOfDay(Kind):
    """From a time to a later one, by the clock on the wall."""

    wanted = "hours such as `08:30-18:00`, the end up to 24:00"

    def read(self, text: str, known: dict[str, Any]) -> object:
        time = r"(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)"
        if not re.fullmatch(f"{time}-{time}", text):
            raise bad(f"{shown(text)} are no hours", f"write {self.wanted}")
        start, end = text.split("-")
        if not start < end:
            right = "write two: until 24:00, and from 00:00 on the next day"
            raise bad(f"{shown(text)} does not end after it begins", right)
        return text

    def schema(self) -> JsonSchemaValue:
        return {"type": "string", "pattern": "^[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}$"}


@dataclass(frozen=True)
class DayOfYear(Kind):
    """A date."""

    wanted = "a date such as `2026-12-25`"

    def read(self, text: str, known: dict[str, Any]) -> object:
        try:
            if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
                return date.fromisoformat(text).isoformat()
        except ValueError:
            pass
        raise bad(f"{shown(text)} is no date", f"write {self.wanted}")

    def schema(self) -> JsonSchemaValue:
        return {"type": "string", "format": "date"}


@dataclass(frozen=True)
class ZoneName(Kind):
    """A time zone that this machine knows."""

    wanted = "a time zone such as `Europe/London`"

    def read(self, text: str, known: dict[str, Any]) -> object:
        if text not in available_timezones():
            raise bad(f"there is no time zone {shown(text)}", nearest(text, sorted(available_timezones())))
        return text

    def schema(self) -> JsonSchemaValue:
        return {"type": "string"}


class Area(Kind):
    """The beginning of numbers, with country code: its digits."""

    wanted = "the beginning of numbers, with country code, such as `+44 20`"

    def read(self, text: str, known: dict[str, Any]) -> object:
        digits = text.removeprefix("+").replace(" ", "")
        if not re.fullmatch(r"\+[1-9][0-9 ]{0,20}", text) or len(digits) > 15:
            raise bad(f"{shown(text)} does not fit", f"write {self.wanted}")
        return digits

    def schema(self) -> JsonSchemaValue:
        return {"type": "string", "pattern": "^[+][1-9][0-9 ]*$"}


@dataclass(frozen=True)
class Reference(Kind):
    """The name of something in another section. A section that could not be read is not held against it."""

    section: str
    one: str
    wanted = "a name"

    def read(self, text: str, known: dict[str, Any]) -> object:
        names = known.get(self.section)
        if names is not None and text not in names:
            right = nearest(text, sorted(names)) if names else f"add it under `{self.section}:`"
            raise bad(f"there is no {self.one} {shown(text)}", right)
        return text

    def schema(self) -> JsonSchemaValue:
        return {"type": "string"}


@dataclass(frozen=True)
class Reachable(Kind):
    """A host: an IP address or a name; with `networks`, also IP:port and networks such as 192.0.2.0/24."""

    networks: bool = False
    in_uri: bool = False
    """It goes into a URI: an IPv6 address stands in brackets there."""

    @property
    def wanted(self) -> str:  # type: ignore[override]
        if self.networks:
            return "an IP address, IP:port, or a network such as `192.0.2.0/24`"
        return "an IP address or a host name"

    def read(self, text: str, known: dict[str, Any]) -> object:
        if self.in_uri and text.startswith("[") and text.endswith("]") and ":" in text:
            text = text[1:-1]
        if not (self._network(text) if self.networks else self._host(text)):
            raise bad(f"{shown(text)} does not fit", f"write {self.wanted}")
        return f"[{text}]" if self.in_uri and ":" in text else text

    @staticmethod
    def _host(text: str) -> bool:
        if _is_ip(text):
            return True
        label = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
        numeric = re.fullmatch(r"[0-9.]+", text)
        return len(text) <= 253 and not numeric and re.fullmatch(rf"{label}(?:\.{label})*", text) is not None

    @staticmethod
    def _network(text: str) -> bool:
        host, colon, port = text.partition(":")
        if colon and port.isascii() and port.isdigit() and "." in host:
            return _is_ip(host) and 0 < int(port[:6]) < 65536
        try:
            ipaddress.ip_network(text, strict=True)
        except ValueError:
            return False
        return "%" not in text

    def schema(self) -> JsonSchemaValue:
        return {"type": "string"}


@dataclass(frozen=True)
class Loopback(Reachable):
    """An address of this machine alone."""

    wanted = "127.0.0.1 or ::1"

    def read(self, text: str, known: dict[str, Any]) -> object:
        if text != "localhost" and not (_is_ip(text) and ipaddress.ip_address(text).is_loopback):
            right = f"write {self.wanted}; who asks from elsewhere comes through a proxy"
            raise bad(f"{shown(text)} is no loopback address, and nobody is asked for a password here", right)
        return text


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # an IPv6 zone is of this machine alone


class CountryCode(Kind):
    """ISO 3166, of two capital letters, known to phonenumbers."""

    wanted = "an ISO 3166 code such as `GB`"

    def read(self, text: str, known: dict[str, Any]) -> object:
        if text not in phonenumbers.SUPPORTED_REGIONS:
            upper = text.upper()
            hint = f"did you mean `{upper}`?" if upper in phonenumbers.SUPPORTED_REGIONS else f"write {self.wanted}"
            raise bad(f"{shown(text)} is no country", hint)
        return text

    def schema(self) -> JsonSchemaValue:
        return {"type": "string", "pattern": "^[A-Z]{2}$"}


class FieldValue(Kind):
    """What a contact's field may hold."""

    wanted = "text, a whole number, true or false"

    def _any(self, value: object, info: core_schema.ValidationInfo) -> object:
        if isinstance(value, bool):
            return value
        return super()._any(value, info)

    def read(self, text: str, known: dict[str, Any]) -> object:
        if len(text) > 1000:
            raise bad("more than 1000 characters", "write less")
        return text

    def schema(self) -> JsonSchemaValue:
        kinds: Any = ["string", "integer", "boolean"]
        return {"type": kinds}


class SecretReference(Kind):
    """`env:NAME` or `file:PATH`. What is written instead is never shown: it may be the secret."""

    wanted = "`env:NAME` or `file:secrets/name`"

    def _any(self, value: object, info: core_schema.ValidationInfo) -> object:
        if isinstance(value, str) and re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]{0,99}|file:.{1,400}", value):
            return value
        if value is None:
            raise bad("nothing is written here", f"write {self.wanted}")
        if isinstance(value, str) and value.startswith(("env:", "file:")):
            raise bad("no name follows, or none that can be", f"write {self.wanted}")
        right = f"put it into a file (mode 0600) or a variable, and write {self.wanted}"
        raise bad("a secret itself is written here", right)

    def read(self, text: str, known: dict[str, Any]) -> object:
        raise NotImplementedError

    def schema(self) -> JsonSchemaValue:
        return {"type": "string", "pattern": "^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$"}


class HeaderName(Kind):
    """Of an HTTP header that says who asks, or for what; not one that the connection itself needs."""

    wanted = "a header's name such as `Authorization`"
    _connection = frozenset(
        {"accept-encoding", "connection", "content-length", "content-type", "cookie", "expect", "host", "keep-alive"}
        | {"range", "te", "trailer", "transfer-encoding", "upgrade"}
    )

    def read(self, text: str, known: dict[str, Any]) -> object:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", text):
            raise bad(f"{shown(text)} does not fit", f"write {self.wanted}")
        if text.lower() in self._connection:
            raise bad(f"{shown(text)} is a header that callctl chooses itself", "remove it")
        return text

    def schema(self) -> JsonSchemaValue:
        return {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,80}$"}


def _each_once(headers: dict[str, str]) -> dict[str, str]:
    """A header's name is the same in capitals."""
    seen: dict[str, str] = {}
    for name in headers:
        if (first := seen.setdefault(name.lower(), name)) != name:
            raise bad(f"the same header as {shown(first)}", "keep one of them", name)
    return headers


class DatabaseUrl(SecretReference):
    """A secret reference, or a PostgreSQL URL without a password in it."""

    wanted = "`env:NAME`, `file:secrets/name`, or a URL without a password: `postgresql://user@host/name`"

    def _any(self, value: object, info: core_schema.ValidationInfo) -> object:
        pattern = r"postgres(?:ql)?://(?:[^:@/?#\s]*@)?[^@?#\s]*(?:\?[^\s#]*)?"
        if isinstance(value, str) and re.fullmatch(pattern, value) and "password=" not in value:
            return value
        if isinstance(value, str) and re.match(r"(?!postgres(ql)?://)[a-z][a-z0-9+]{1,20}://", value):
            raise bad("only postgresql:// is understood here", f"write {self.wanted}")
        return super()._any(value, info)

    def schema(self) -> JsonSchemaValue:
        return {"type": "string", "pattern": "^(env:|file:|postgres(ql)?://)"}


class Folder(Kind):
    """A path; a relative one starts at the configuration's folder."""

    wanted = "a path"

    def read(self, text: str, known: dict[str, Any]) -> object:
        if not text.strip() or len(text) > 400:
            raise bad(f"{shown(text)} is no path", f"write {self.wanted}")
        return Path(text)

    def schema(self) -> JsonSchemaValue:
        return {"type": "string"}


_FILE = r"(?!.*\.\.)[A-Za-z0-9_./;=+-]{1,200}"
_MEDIA = rf"(?:sound|recording|number|digits|characters|tone):{_FILE}"
_SOUND = r"sound:(?!.*\.\.)[A-Za-z0-9_./-]{1,200}"
"""As the dialplan takes it: asterisk/translate.py."""
SEEN_PATH = r"(?!.*\.\.)/[A-Za-z0-9_./-]{1,119}"
"""A folder in a `sound:`, with room for the file's name."""

Name = Annotated[
    str,
    Text(
        r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}",
        "a name of at most 40 letters, digits, dots, dashes and underscores, a letter or digit first",
        number=True,
    ),
]
"""Names go into Asterisk's configuration: endpoints, contexts, bridges."""
Label = Annotated[str, Text(r"(?=.*\S).{1,80}", "at most 80 characters", number=True)]
Citation = Annotated[str, Text(r"(?=.*\S).{1,200}", "where the law says it, in at most 200 characters")]
State = Annotated[
    str, Text(r"[A-Za-z0-9 ]{1,40}", "a state or province by its ISO 3166-2 code without the country, such as `FL`")
]
Digits = Annotated[str, Text(r"[0-9]{2,6}", "2 to 6 digits", number=True)]
ShortNumber = Annotated[str, Text(r"[0-9*#]{2,8}", "2 to 8 digits", number=True)]
FeatureCode = Annotated[str, Text(r"[*#][0-9*#]{1,7}", 'a star or hash and digits, in quotes: `"*45"`')]
MenuKey = Annotated[str, Text(r"[0-9*#]", 'one key of the phone: 0 to 9, `"*"` or `"#"`', number=True)]
NumberText = Annotated[
    str, Text(r"[0-9+*#(][0-9 ()./*#-]{1,30}", "a number such as `+442079460000`, or an extension", number=True)
]
Media = Annotated[str, Text(_MEDIA, "an Asterisk media URI such as `sound:queue-thankyou`, or `{speak: the words}`")]
Sound = Annotated[str, Text(_SOUND, "a sound of Asterisk's such as `sound:vm-goodbye`, or `{speak: the words}`")]
PlainSound = Annotated[str, Text(r"sound:[A-Za-z0-9/_-]{1,128}", "a plain sound such as `sound:custom/closed`")]
MusicClass = Annotated[str, Text(r"[A-Za-z0-9_.-]{1,80}", "the name of a class in musiconhold.conf")]
Mailbox = Annotated[
    str, Text(r"[A-Za-z0-9_-]{1,20}(?:@[A-Za-z0-9_-]{1,20})?", "a mailbox such as `100` or `100@default`", number=True)
]
MailboxNumber = Annotated[str, Text(r"[0-9]{1,10}", "the mailbox's number: 1 to 10 digits", number=True)]
MailboxName = Annotated[
    str,
    Text(
        r"(?=.*\S)[^,;|<>\"\\=\[\]\x00-\x1f\x7f-\x9f\u2028\u2029]{1,80}",
        "at most 80 characters, no comma, semicolon, quote or bracket",
        number=True,
    ),
]
Email = Annotated[str, Text(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,190}", "an address such as `sales@example.com`")]
Language = Annotated[
    str, Text(r"[a-z]{2,3}(?:_[A-Za-z]{2,12}){0,2}", "a language of Asterisk's sounds such as `fr` or `en_GB`")
]
Voice = Annotated[
    str,
    Text(
        r"[A-Za-z][A-Za-z0-9/_-]{0,60}(?:\+[A-Za-z0-9_-]{1,30})?",
        "a voice of espeak-ng's such as `en-us`, or `en+f3` with a variant",
    ),
]
SeenPath = Annotated[str, Text(SEEN_PATH, "an absolute path of at most 120 letters, digits and . _ - /")]
Program = Annotated[
    str, Text(r"[A-Za-z0-9._-]{1,60}|/[A-Za-z0-9._/+-]{1,200}", "a program's name, or its absolute path")
]
Prefix = Annotated[str, Text(r"\+[1-9][0-9]{0,14}", 'the beginning of numbers, in quotes: `"+44"`')]
Display = Annotated[
    str,
    Text(
        r"(?:[^{}\x00-\x1f]|\{(?:name|number|queue|waited)\}){1,80}",
        "text with `{name}`, `{number}`, `{queue}` and `{waited}` in it, at most 80 characters",
    ),
]
User = Annotated[str, Text(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,79}", "a user name of letters and digits", number=True)]
SipUser = Annotated[
    str, Text(r"[A-Za-z0-9._~+@*-]{1,128}", "a SIP user name: letters, digits and . _ ~ + @ * -", number=True)
]
Codec = Annotated[
    str,
    Text(
        r"alaw|ulaw|g722|g726|g729|gsm|ilbc|opus|speex|slin|slin16",
        "a codec of Asterisk such as `alaw`, `ulaw`, `g722` or `opus`",
    ),
]
AriUrl = Annotated[
    str, Text(r"https?://[A-Za-z0-9.\[\]:-]{1,260}/[A-Za-z0-9_/-]{1,40}", "a URL such as `http://127.0.0.1:8088/ari`")
]
Host = Annotated[str, Reachable()]
LoopbackHost = Annotated[str, Loopback()]
UriHost = Annotated[str, Reachable(in_uri=True)]
Source = Annotated[str, Reachable(networks=True)]
Country = Annotated[str, CountryCode()]
Bool = Annotated[bool, Switch()]
Share = Annotated[int, Percent()]
NumberArea = Annotated[str, Area()]
Port = Annotated[int, Whole(1, 65535)]
SecretRef = Annotated[str, SecretReference()]
DbUrl = Annotated[str, DatabaseUrl()]
Headers = Annotated[
    dict[Annotated[str, HeaderName()], SecretRef], Field(min_length=1, max_length=20), AfterValidator(_each_once)
]
FolderPath = Annotated[Path, Folder()]
MenuRef = Annotated[str, Reference("menus", "menu")]
QueueRef = Annotated[str, Reference("queues", "queue")]
FlowRef = Annotated[str, Reference("flows", "flow")]
_DAY = "(?:" + "|".join(WEEKDAYS) + ")"
Weekdays = Annotated[str, Text(f"{_DAY}(?:-{_DAY})?", "a day or days such as `sat` or `mon-fri`")]
Hours = Annotated[str, HoursOfDay()]
Date = Annotated[str, DayOfYear()]
Zone = Annotated[str, ZoneName()]
CalendarRef = Annotated[str, Reference("calendars", "calendar")]
AgentRef = Annotated[str, Reference("agents", "agent")]
SkillRef = Annotated[str, Reference("skills", "skill")]
SwitchRef = Annotated[str, Reference("switches", "switch")]
CampaignRef = Annotated[str, Reference("campaigns", "campaign")]
Scope = Annotated[str, Text(r"[a-z][a-z0-9_-]{0,39}", "a word of small letters, such as `sales`")]
TrunkRef = Annotated[str, Reference("trunks", "trunk")]
PhoneRef = Annotated[str, Reference("phones", "phone")]
HeadersRef = Annotated[str, Reference("lookup_headers", "set of headers")]
NodeRef = Annotated[str, Reference("nodes", "node")]
