"""What callctl writes for Asterisk: phones and trunks as PJSIP objects, the dialplan around them, mailboxes, as text.

Pure but for `write_if_changed`. Every value is checked against what may stand in its place; one that may not is
refused with its name, and nothing at all is written.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from callctl.asterisk import plan
from callctl.core.ids import SECOND, MailboxId, NodeId, PhoneId, TrunkId
from callctl.core.policy import (
    MAILBOXES,
    Feature,
    MailboxPolicy,
    PhoneKind,
    PhonePolicy,
    Policy,
    Transport,
    TrunkKind,
    TrunkPolicy,
)

PJSIP = "pjsip.conf"
EXTENSIONS = "extensions.conf"
VOICEMAIL = "voicemail.conf"
MODULES: Mapping[str, tuple[str, ...]] = {
    PJSIP: ("res_pjsip.so", "res_pjsip_endpoint_identifier_ip.so", "res_pjsip_outbound_registration.so"),
    EXTENSIONS: ("pbx_config.so",),
    VOICEMAIL: ("app_voicemail.so",),
}
"""What to reload when a file has changed. Calls go on."""
FILES = tuple(MODULES)
"""All that are written."""

RTP_TIMEOUT = 60
RTP_TIMEOUT_HOLD = 600
"""Seconds without audio after which a leg is ended: a phone that died hangs up no other way."""
SESSION_EXPIRES = 1800
"""Seconds; RFC 4028. A peer that no longer answers re-INVITEs is hung up on."""
PHONE_QUALIFY = 15
"""Seconds between two OPTIONS to a phone: so old may the news of a dead phone be."""

HEAD = "; Written by callctl from its configuration: changes made here are lost.\n"


class ProvisionError(ValueError):
    """Values that must not be written; `complaints` has them all, each with its place."""

    def __init__(self, complaints: Iterable[str]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("; ".join(self.complaints))


@dataclass(frozen=True, slots=True)
class Secrets:
    """Passwords by phone and trunk, PINs by mailbox. Never printed."""

    phones: Mapping[PhoneId, str] = field(default_factory=dict, repr=False)
    trunks: Mapping[TrunkId, str] = field(default_factory=dict, repr=False)
    mailboxes: Mapping[MailboxId, str] = field(default_factory=dict, repr=False)


def trunk_endpoint(trunk: TrunkId) -> str:
    """The PJSIP name of a trunk: endpoint, aor, auth, identify and registration share it."""
    return f"trunk-{trunk}"


def files(policy: Policy, secrets: Secrets, node: NodeId) -> dict[str, str]:
    """The files of one node, by name. ProvisionError with everything that cannot be written."""
    complaints = [*_complaints(policy, secrets, node)]
    if complaints:
        raise ProvisionError(complaints)
    phones = [p for p in policy.phones.values() if p.node == node and p.outside is None]
    trunks = [t for t in policy.trunks.values() if t.node == node]
    objects = [
        *(_phone(p, secrets.phones[p.id], policy) for p in phones if p.kind is PhoneKind.PROVISIONED),
        *(_trunk(t, secrets.trunks.get(t.id, "")) for t in trunks),
    ]
    return {
        PJSIP: HEAD + "\n" + "\n".join(objects),
        EXTENSIONS: HEAD + "\n" + plan.dialplan(policy, phones, trunks, trunk_endpoint),
        VOICEMAIL: HEAD + "\n" + _voicemail(policy, secrets),
    }


def write_if_changed(folder: Path, wanted: Mapping[str, str]) -> set[str]:
    """Write the files that differ, each in one step (a reader sees the old or the new one). Names of those written.

    OSError when the folder cannot be written. Mode 0640, with the folder's group: there are passwords in them.
    """
    try:
        folder.mkdir(exist_ok=True)
    except FileNotFoundError:  # a typing error must not become a whole path
        raise OSError(f"there is no folder {folder.parent} to make {folder.name} in: is `include_dir` right?") from None
    changed = {name for name, text in wanted.items() if _read(folder / name) != text}
    for name in sorted(changed):
        _write(folder / name, wanted[name])
    return changed


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def _write(path: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), 0o640)
            with contextlib.suppress(PermissionError):
                os.fchown(file.fileno(), -1, path.parent.stat().st_gid)
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


# ── what may be written ──────────────────────────────────────────────────────────────────────

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\]")
_MATCH = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[?[0-9A-Fa-f:.]{2,45}\]?)(?::[0-9]{1,5}|/[0-9]{1,3})?"
)
_USER = re.compile(r"[A-Za-z0-9._~+@*-]{1,128}")
_CODEC = re.compile(r"[a-z0-9]{1,16}")
_PASSWORD = re.compile(r"(?!>)[!-~](?:[ -~]{0,126}[!-~])?")
"""Asterisk reads `password=>x` as `password = x`."""
_LANGUAGE = re.compile(r"(?:[a-z]{2,3}(?:_[A-Za-z]{2,12}){0,2})?")
_BOX = re.compile(r"[0-9]{1,10}")
_BOX_NAME = re.compile(r"(?=.*\S)[^,;|<>\"\\=\[\]\x00-\x1f\x7f-\x9f\u2028\u2029]{1,80}")
_EMAIL = re.compile(r"(?:[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,190})?")
_PIN = re.compile(r"[0-9]{4,20}")
_DIGITS = re.compile(r"[0-9]{1,32}")
_CODE = re.compile(r"[0-9*#]{1,16}")
_DTMF = {"rfc4733", "inband", "info", "auto", "auto_info"}


def _complaints(policy: Policy, secrets: Secrets, node: NodeId) -> Iterable[str]:
    seen: dict[str, str] = {}
    for phone in policy.phones.values():
        if phone.node == node and phone.outside is None:
            yield from _phone_complaints(phone, secrets, seen)
    for trunk in policy.trunks.values():
        if trunk.node == node:
            yield from _trunk_complaints(trunk, secrets, seen)
    for number in policy.emergency.numbers:
        if not _DIGITS.fullmatch(number.digits):
            yield f"emergency number {number.digits!r}: digits only"
    for code in policy.features:
        if not _CODE.fullmatch(code):
            yield f"feature code {code!r}: digits, * and # only"

    for mailbox in policy.mailboxes.values():
        yield from _mailbox_complaints(mailbox, secrets)


def _mailbox_complaints(mailbox: MailboxPolicy, secrets: Secrets) -> Iterable[str]:
    where = f"mailbox {mailbox.id[:60]!r}"
    yield from _check(where, "number", mailbox.id, _BOX, "1 to 10 digits")
    yield from _check(where, "name", mailbox.name, _BOX_NAME, "no comma, semicolon, quote, bracket or line end")
    yield from _check(where, "email", mailbox.email, _EMAIL, "an address, as sales@example.com")
    for sound in mailbox.greeting:
        yield from _check(where, "greeting", sound, plan.SOUND, "plain sounds, as sound:custom/closed")
    if not _PIN.fullmatch(secrets.mailboxes.get(mailbox.id, "")):
        yield f"{where}: the PIN is none of 4 to 20 digits"


def _check(where: str, what: str, value: str, grammar: re.Pattern[str], want: str) -> Iterable[str]:
    if not grammar.fullmatch(value):
        yield f"{where}: {what} {value[:60]!r} cannot be written for Asterisk: {want}"


def _unique(where: str, name: str, seen: dict[str, str]) -> Iterable[str]:
    if name.lower() in seen:
        yield f"{where}: the PJSIP name {name!r} is taken by {seen[name.lower()]}"
    seen[name.lower()] = where


def _phone_complaints(phone: PhonePolicy, secrets: Secrets, seen: dict[str, str]) -> Iterable[str]:
    where = f"phone {phone.id[:60]!r}"
    yield from _check(where, "name", phone.id, _NAME, "letters, digits, dot, dash and underscore, at most 40")
    yield from _check(where, "endpoint", phone.endpoint, _NAME, "letters, digits, dot, dash and underscore")
    yield from _unique(where, phone.endpoint, seen)
    if phone.extension is not None:
        yield from _check(where, "extension", phone.extension.digits, _DIGITS, "digits only")
    if phone.emergency_caller is not None:
        yield from _check(where, "emergency caller", phone.emergency_caller.digits, _DIGITS, "digits only")
    yield from _check(where, "language", phone.language, _LANGUAGE, "a language of Asterisk's sounds, as fr")
    for codec in phone.codecs:
        yield from _check(where, "codec", codec, _CODEC, "a codec's name, as alaw")
    if phone.kind is PhoneKind.PROVISIONED:
        yield from _secret_complaints(where, secrets.phones.get(phone.id))


def _trunk_complaints(trunk: TrunkPolicy, secrets: Secrets, seen: dict[str, str]) -> Iterable[str]:
    where = f"trunk {trunk.id[:60]!r}"
    yield from _check(where, "name", trunk.id, _NAME, "letters, digits, dot, dash and underscore, at most 40")
    yield from _unique(where, trunk_endpoint(trunk.id), seen)
    yield from _check(where, "host", trunk.host, _HOST, "a host's name or address")
    if not 0 < trunk.port < 65536:
        yield f"{where}: port {trunk.port} is none"
    for match in trunk.match:
        yield from _check(where, "match", match, _MATCH, "an address, address:port or network")
    yield from _check(where, "language", trunk.language, _LANGUAGE, "a language of Asterisk's sounds, as fr")
    for codec in trunk.codecs:
        yield from _check(where, "codec", codec, _CODEC, "a codec's name, as alaw")
    if trunk.dtmf not in _DTMF:
        yield f"{where}: dtmf {trunk.dtmf[:60]!r} is none of {', '.join(sorted(_DTMF))}"
    if trunk.username:
        yield from _check(where, "username", trunk.username, _USER, "letters, digits and . _ ~ + @ * -")
        yield from _secret_complaints(where, secrets.trunks.get(trunk.id))
    elif trunk.kind is TrunkKind.REGISTER:
        yield f"{where}: a trunk that registers needs a username"


def _secret_complaints(where: str, secret: str | None) -> Iterable[str]:
    if not secret:
        yield f"{where}: no password is given"
    elif not _PASSWORD.fullmatch(secret):
        yield (
            f"{where}: the password has characters other than printable ASCII, is longer than 128, or begins with `>`, "
            f"which Asterisk drops"
        )


# ── PJSIP objects ────────────────────────────────────────────────────────────────────────────


def _section(name: str, kind: str, settings: Iterable[tuple[str, str | int | bool]]) -> str:
    lines = [f"[{name}]", f"type={kind}"]
    for key, value in settings:
        text = ("yes" if value else "no") if isinstance(value, bool) else str(value)
        lines.append(f"{key}={text.replace(';', chr(92) + ';')}")
    return "\n".join(lines) + "\n"


def _guards(subscribes: bool = False) -> list[tuple[str, str | int | bool]]:
    """What every endpoint has: no media past us, no transfers behind our back, an end to dead legs."""
    return [
        ("direct_media", False),
        ("allow_transfer", False),
        ("allow_subscribe", subscribes),
        ("rtp_timeout", RTP_TIMEOUT),
        ("rtp_timeout_hold", RTP_TIMEOUT_HOLD),
        ("timers", True),
        ("timers_sess_expires", SESSION_EXPIRES),
    ]


def _language(language: str) -> list[tuple[str, str | int | bool]]:
    return [("language", language)] if language else []


def _nat() -> list[tuple[str, str | int | bool]]:
    return [("rtp_symmetric", True), ("force_rport", True), ("rewrite_contact", True)]


def _lamp(phone: PhonePolicy, policy: Policy) -> list[tuple[str, str | int | bool]]:
    """The mailboxes whose state the phone is told: of its own accord, or because it has asked (then not twice); and
    what its key for voicemail dials."""
    boxes = ",".join(f"{box}@{MAILBOXES}" for box in plan.boxes_of(phone.id, policy))
    code = next((code for code, feature in policy.features.items() if feature is Feature.VOICEMAIL), "")
    if not boxes:
        return []
    return [("mailboxes", boxes), *([("voicemail_extension", code)] if code else [])]


def _phone(phone: PhonePolicy, password: str, policy: Policy) -> str:
    name = phone.endpoint
    number = phone.extension.digits if phone.extension is not None else ""
    lamp = _lamp(phone, policy)
    codecs = ("opus", *(c for c in phone.codecs if c != "opus")) if phone.webrtc else phone.codecs
    endpoint: list[tuple[str, str | int | bool]] = [
        ("context", f"callctl-phone-{phone.id}"),
        ("auth", name),
        ("aors", name),
        ("callerid", f'"{phone.id}" <{number}>'),
        ("disallow", "all"),
        ("allow", ",".join(codecs)),
        ("identify_by", "username,auth_username"),
        ("trust_id_inbound", False),
        *_language(phone.language),
        *_guards(subscribes=bool(lamp)),
        *_nat(),
        *lamp,
        *([("mwi_subscribe_replaces_unsolicited", True)] if lamp else []),
    ]
    if phone.webrtc:
        endpoint += [("webrtc", True), ("dtls_auto_generate_cert", True)]
    else:
        endpoint.append(("dtmf_mode", "auto"))
    aor: list[tuple[str, str | int | bool]] = [
        ("max_contacts", phone.max_contacts),
        # One place: the newest registration replaces the old. Several: a dead one makes room.
        ("remove_existing", True) if phone.max_contacts == 1 else ("remove_unavailable", True),
        ("qualify_frequency", PHONE_QUALIFY),
        ("qualify_timeout", "3.0"),
        ("default_expiration", 300),
        ("minimum_expiration", 60),
        ("maximum_expiration", 3600),
        *lamp,
    ]
    auth: list[tuple[str, str | int | bool]] = [
        ("auth_type", "digest"),
        ("username", name),
        ("password", password),
    ]
    return "\n".join((_section(name, "endpoint", endpoint), _section(name, "aor", aor), _section(name, "auth", auth)))


def _uri(trunk: TrunkPolicy, user: str = "") -> str:
    # A username that is an address already (some networks want it) keeps only its first part here.
    at = f"{user.partition('@')[0]}@" if user else ""
    transport = "" if trunk.transport is Transport.UDP else f";transport={trunk.transport.value}"
    return f"sip:{at}{trunk.host}:{trunk.port}{transport}"


def client_uri(trunk: TrunkPolicy) -> str:
    """The address of record that a trunk registers; AMI's Registry events name it by this."""
    return _uri(trunk, trunk.username)


def _trunk(trunk: TrunkPolicy, password: str) -> str:
    name = trunk_endpoint(trunk.id)
    endpoint: list[tuple[str, str | int | bool]] = [
        ("context", f"callctl-trunk-{trunk.id}"),
        ("transport", f"transport-{trunk.transport.value}"),
        ("aors", name),
        ("disallow", "all"),
        ("allow", ",".join(trunk.codecs)),
        ("dtmf_mode", trunk.dtmf),
        # The network's assertion of who calls counts only where the operator says so.
        ("trust_id_inbound", trunk.trust_identity),
        ("trust_id_outbound", trunk.trust_identity),
        ("send_pai", trunk.trust_identity),
        *_language(trunk.language),
        *_guards(),
    ]
    if trunk.nat:
        endpoint += _nat()
    if trunk.srtp:
        endpoint.append(("media_encryption", "sdes"))
    if trunk.username:
        endpoint += [("outbound_auth", name), ("from_domain", trunk.host.strip("[]"))]
    aor: list[tuple[str, str | int | bool]] = [
        ("contact", _uri(trunk)),
        ("qualify_frequency", trunk.qualify // SECOND),
    ]
    identify: list[tuple[str, str | int | bool]] = [
        ("endpoint", name),
        *(("match", match) for match in trunk.match or (trunk.host,)),
    ]
    parts = [
        _section(name, "endpoint", endpoint),
        _section(name, "aor", aor),
        _section(name, "identify", identify),
    ]
    if trunk.username:
        auth: list[tuple[str, str | int | bool]] = [
            ("auth_type", "digest"),
            ("username", trunk.username),
            ("password", password),
        ]
        parts.append(_section(name, "auth", auth))
    if trunk.kind is TrunkKind.REGISTER:
        parts.append(_section(name, "registration", _registration(trunk, name)))
    return "\n".join(parts)


def _registration(trunk: TrunkPolicy, name: str) -> list[tuple[str, str | int | bool]]:
    return [
        ("server_uri", _uri(trunk)),
        ("client_uri", client_uri(trunk)),
        ("contact_user", trunk.username.partition("@")[0]),
        ("outbound_auth", name),
        ("transport", f"transport-{trunk.transport.value}"),
        ("expiration", 300),
        ("retry_interval", 20),
        ("forbidden_retry_interval", 120),
        ("fatal_retry_interval", 120),
        ("auth_rejection_permanent", False),
        ("max_retries", 1000000),
        ("endpoint", name),
        ("line", True),
    ]


# ── mailboxes ────────────────────────────────────────────────────────────────────────────────


def _voicemail(policy: Policy, secrets: Secrets) -> str:
    """The mailboxes, in a context of their own: those that the operator keeps stand in others. A box's line is split at
    commas and bars; none is in its parts. `-` before the PIN: it is changed here, and not by phone."""
    lines = ["[general](+)", f"maxsilence={math.ceil(policy.silence / SECOND)}", ""]
    if policy.mailboxes:
        lines += [f"[{MAILBOXES}]", *(_mailbox(it, secrets.mailboxes[it.id]) for it in policy.mailboxes.values())]
    return "\n".join(lines) + "\n"


def _mailbox(mailbox: MailboxPolicy, pin: str) -> str:
    options = {
        "maxsecs": math.ceil(mailbox.longest / SECOND),
        "minsecs": math.ceil(mailbox.shortest / SECOND),
        **({"attach": "yes"} if mailbox.email else {}),
    }
    said = "|".join(f"{name}={value}" for name, value in options.items())
    return f"{mailbox.id} => -{pin},{mailbox.name},{mailbox.email},,{said}"


def modules_of(changed: Iterable[str]) -> tuple[str, ...]:
    """The modules to reload, in order, for the files that changed."""
    names = [module for name in sorted(changed, reverse=True) for module in MODULES.get(name, ())]
    return tuple(dict.fromkeys(names))
