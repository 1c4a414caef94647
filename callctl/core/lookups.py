"""Values that a flow looks up over HTTP: what is asked, what came of it, and how a URL is made of a template.

Nothing is sent from here. The answer's document is read by `callctl/lookups.py`; which of its values count, `pick`
says.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from callctl.core.ids import CallId, LookupId, Micros

LONGEST_VALUE = 200
"""Characters of a value that is looked up. A longer one is no value: what is cut is another."""
LONGEST_TEMPLATE = 1_000
LONGEST_URL = 2_000
"""Characters, once values are filled in."""


class LookupFailure(StrEnum):
    """Why a lookup has not brought all that was wanted."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    """No connection, no certificate to trust, or the answer broke off."""
    STATUS = "status"
    """Answered, but not with a 2xx."""
    TOO_BIG = "too_big"
    NOT_JSON = "not_json"
    REFUSED = "refused"
    """Not asked: it leads to an address that callctl does not go to."""
    MISSING = "missing"
    """An answer, in which one of the values is not; `found` has the others."""
    BUSY = "busy"
    """Not asked: too many wait for the same server."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Look something up. Again, while it is being looked up: nothing changes. Comes back as `LookedUp`."""

    call: CallId
    request: LookupId
    url: str
    """As `fill` made it. Its scheme, host and port are the operator's own words, and trusted as such."""
    headers: str | None
    """The name of a set of headers in the configuration; the core never knows what is in it."""
    timeout: Micros
    """From now to the answer's last byte, whatever happens between."""
    into: tuple[tuple[str, str], ...]
    """A variable's name, and the JSON pointer (RFC 6901) to its value."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What came of an `Ask`."""

    call: CallId
    request: LookupId
    found: Mapping[str, str]
    """Values as text, by variable: at most LONGEST_VALUE characters, in one line."""
    failed: str = ""
    """A LookupFailure, or empty: all was found."""


# ── the URL ──────────────────────────────────────────────────────────────────────────────────

_TEMPLATE = re.compile(r"(https?)://([^/?#]*)([^?#]*)(?:\?([^#]*))?")
_HOLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,39})\}")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_PLAIN = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def template_mistake(template: str, names: Collection[str]) -> str | None:
    """What is wrong with a lookup's URL, in words; None: `fill` can use it. `names`: the variables that there are."""
    if len(template) > LONGEST_TEMPLATE:
        return f"longer than {LONGEST_TEMPLATE} characters"
    if "#" in template:
        return "a `#` and what follows it are never sent to a server"
    parts = _TEMPLATE.fullmatch(template)
    if parts is None:
        return "no URL that begins with `http://` or `https://`"
    server, rest = parts[2], parts[3] + (parts[4] or "")
    if (wrong := _server_mistake(server)) is not None:
        return wrong
    plain = _HOLE.sub("", rest)
    if "{" in plain or "}" in plain:
        return "a brace that is no `{variable}`"
    for name in _HOLE.findall(rest):
        if name not in names:
            return f"there is no variable `{name}`"
    if not _PLAIN.fullmatch(plain):
        return "a character that does not belong in a URL; write it as `%` and two hex digits"
    if _climbs(_HOLE.sub("x", parts[3])):
        return "`.` or `..` as a part of the path"
    return None


def fill(template: str, values: Mapping[str, str]) -> str | None:
    """The URL to ask, each value percent-encoded; `template` is one without a mistake.

    None where a value is not there, where it would change the path (an empty part, `.`, `..`: somebody else's data
    might be there), or where the URL gets too long. Such a lookup is not asked.
    """
    parts = _TEMPLATE.fullmatch(template)
    if parts is None:
        return None
    path, query = parts[3], parts[4]
    if any(not values.get(name) for name in _HOLE.findall(path)):
        return None
    if any(name not in values for name in _HOLE.findall(query or "")):
        return None
    if _climbs(_HOLE.sub(lambda hole: values[hole[1]], path)):
        return None
    url = f"{parts[1]}://{parts[2]}" + _HOLE.sub(lambda hole: _encoded(values[hole[1]]), path or "/")
    if query is not None:
        url += "?" + _HOLE.sub(lambda hole: _encoded(values[hole[1]]), query)
    return url if len(url) <= LONGEST_URL else None


def _server_mistake(server: str) -> str | None:
    """Of what stands between `//` and the path."""
    if "{" in server or "}" in server:
        return "a variable in the server's name: callers' data never says who is asked"
    if "@" in server:
        return "a user name or password before the `@`: put it into `lookup_headers`"
    host, colon, port = server.rpartition(":") if re.search(r":[^]]*$", server) else (server, "", "")
    if colon and not (re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) < 65536):
        return "what follows the `:` is no port from 1 to 65535"
    if not _is_host(host):
        return "no server's name, IP address, or IPv6 address in brackets"
    return None


def _is_host(host: str) -> bool:
    if host.startswith("[") and host.endswith("]"):
        return "%" not in host and _is_address(host[1:-1], 6)
    if re.fullmatch(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9A-Fa-f]*)\.?", host):  # others would read `127.1` as an address
        return _is_address(host, 4)
    return len(host) <= 253 and _NAME.fullmatch(host) is not None


def _is_address(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False


def _climbs(path: str) -> bool:
    """Whether some part of it is `.` or `..`, also for a server that takes `%2F` or a backslash for a slash."""
    for _ in range(2):
        path = re.sub(r"%([0-9A-Fa-f]{2})", lambda code: chr(int(code[1], 16)), path)
    return any(part.split(";")[0] in {".", ".."} for part in re.split(r"[/\\]", path))


def _encoded(value: str) -> str:
    """Percent-encoded but for what RFC 3986 calls unreserved; half a surrogate pair, which is no text, as `?`."""
    return "".join(
        letter if letter in _UNRESERVED else "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "replace"))
        for letter in value
    )


# ── the values ───────────────────────────────────────────────────────────────────────────────

_WRITTEN_OUT = 30
"""Characters of a number before its exponent, and the most that the exponent may be, either way."""


class Number(str):
    """A number as it is written in JSON: 12.50 stays 12.50, and what fits no machine's number stays what it is."""

    __slots__ = ()

    def written_out(self) -> str | None:
        """Without an exponent. None: so many digits that nobody could say it."""
        digits, e, power = self.lower().partition("e")
        if not e:
            return self
        if len(digits) > _WRITTEN_OUT or len(power) > 4 or abs(int(power)) > _WRITTEN_OUT:
            return None
        return format(Decimal(self), "f")


def pointer_mistake(pointer: str) -> str | None:
    """What is wrong with a JSON pointer, in words; None: it is one."""
    if pointer and not pointer.startswith("/"):
        return "a JSON pointer begins with `/`, such as `/customer/name`"
    if re.search(r"~(?![01])", pointer):
        return "a `~` in a JSON pointer is written `~0`, and a `/` in a key `~1`"
    return None


def pick(document: object, into: tuple[tuple[str, str], ...]) -> tuple[dict[str, str], bool]:
    """The values that the pointers lead to, and whether that is all of them.

    `document` is parsed JSON. Objects, arrays, null, and text that is too long or has control characters in it are no
    values.
    """
    found = {name: text for name, pointer in into if (text := _text(_at(document, pointer))) is not None}
    return found, len(found) == len({name for name, _ in into})


def _at(document: object, pointer: str) -> object:
    """None too where it leads nowhere."""
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        match document:
            case dict():
                document = document.get(key)
            case list() if re.fullmatch(r"0|[1-9][0-9]{0,8}", key) and int(key) < len(document):
                document = document[int(key)]
            case _:
                return None
    return document


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        value = value.written_out()
    if not isinstance(value, str):
        return None
    text = " ".join(value.split())
    return text if len(text) <= LONGEST_VALUE and not any(map(_is_no_text, text)) else None


def _is_no_text(letter: str) -> bool:
    """A control character, or half of a surrogate pair: Postgres takes neither U+0000 nor the latter."""
    return letter < " " or "\x7f" <= letter < "\xa0" or "\ud800" <= letter <= "\udfff"
