"""The generated dialplan: what a trunk's call and a phone's call may reach, and emergency calls.

Pure. The values have been checked by provision.py. Nothing that was dialled is used before FILTER has left only
digits, plus, star and hash of it. Emergency calls, their call-backs and calls between phones need no callctl.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from callctl.core.addresses import E164
from callctl.core.ids import SECOND, MailboxId, PhoneId, TrunkId
from callctl.core.policy import MAILBOXES, DidFrom, Feature, NumberRules, PhonePolicy, Policy, TrunkPolicy
from callctl.numbers import for_trunk

LONGEST_CALL = 4 * 3600
"""Seconds: no call that the dialplan makes alone lasts longer."""
RING = 45
"""Seconds that a phone rings for another phone, or for an emergency call-back."""
EMERGENCY_RING = 120
"""Seconds that one trunk is given for an emergency call before the next is tried."""
FAMILY = "callctl-emergency"
TOLD = "UserEvent(CallctlEmergency,Phone: ${CC_PHONE},Number: ${CC_NUMBER},Result: %s)"

NO_FORWARD = 'GotoIf($["${FORWARDERNAME}" != ""]?forward)'
"""No way on for what a phone made Asterisk dial by a 302 that names a channel driver and a context: Asterisk sets this
variable before it follows, and on no other call."""

SOUND = re.compile(r"sound:[A-Za-z0-9/_-]{1,128}")

_FAILED = ("Progress()", "Playtones(congestion)", "Wait(10)", "Hangup(34)")
"""The phone is told that nobody was reached: without Progress it would hear nothing of the tone. Then 503."""

EndpointOf = Callable[[TrunkId], str]


def dialplan(
    policy: Policy, phones: Sequence[PhonePolicy], trunks: Sequence[TrunkPolicy], endpoint_of: EndpointOf
) -> str:
    """extensions.conf of one node."""
    lifelines = [t for t in trunks if t.emergency]
    parts = [
        *(_trunk(t) for t in trunks),
        *(_phone(p, lifelines) for p in phones),
        _reach(policy, phones),
        _ring(phones),
        _emergency(policy, lifelines, endpoint_of),
        _call_back(),
        *([_mailboxes(policy)] if policy.mailboxes else []),
        *([_hear(policy, phones)] if Feature.VOICEMAIL in policy.features.values() else []),
    ]
    return "\n".join(parts)


def _context(name: str, lines: Iterable[str]) -> str:
    return "\n".join((f"[{name}]", *lines)) + "\n"


def _exten(exten: str, *steps: str) -> Iterable[str]:
    """One extension; a step may begin with a label: `(name)App(…)`."""
    for index, step in enumerate(steps):
        label, app = (step[: step.index(")") + 1], step[step.index(")") + 1 :]) if step[0] == "(" else ("", step)
        yield f"exten => {exten},1,{app}" if index == 0 else f" same => n{label},{app}"


def _trunk(trunk: TrunkPolicy) -> str:
    # Each step of the dialplan is told to all that listen to Asterisk: so few steps, each with several values.
    did = "${FILTER(0-9,${CC_EXTEN})}"
    steps = []
    if trunk.numbers.did_from is DidFrom.TO:
        steps.append("Set(CC_TO=${CHANNEL(pjsip,local_uri)})")
        did = "${FILTER(0-9,${CUT(CC_TO,@,1)})}"
    steps += [*_withheld({"CC_TRUNK": str(trunk.id), "CC_DID": did})]
    enter = ["(in)Goto(callctl-enter,s,1)"]
    known = "(known)"
    if trunk.max_channels:
        steps.append(f"{known}Set(GROUP(callctl-trunk)={trunk.id})")
        known = ""
        count = f"${{GROUP_COUNT({trunk.id}@callctl-trunk)}}"
        enter = [f"(in)GotoIf($[{count} > {trunk.max_channels}]?full)", "Goto(callctl-enter,s,1)", "(full)Hangup(34)"]
    steps += [
        known + 'GotoIf($["${CC_DID}" = ""]?in)',
        f"Set(CC_BACK=${{DB({FAMILY}/${{CC_DID}})}})",
        'GotoIf($["${CC_BACK}" = ""]?in)',
        # Before the limit: an emergency service that calls back always gets through.
        "GotoIf($[0${CUT(CC_BACK,:,2)} >= ${EPOCH}]?callctl-call-back,s,1)",
        *enter,
    ]
    return _context(
        f"callctl-trunk-{trunk.id}",
        [
            # No pattern matches one letter alone: h, i, s, t and T are Asterisk's own.
            *_exten("_[0-9+*#]!", "Set(CC_EXTEN=${FILTER(0-9+*#,${EXTEN})})", "Goto(s,1)"),
            *_exten("_[A-Za-z][-_.0-9A-Za-z]!", "Set(CC_EXTEN=${FILTER(0-9A-Za-z._,${EXTEN})})", "Goto(s,1)"),
            *_exten("s", *steps),
        ],
    )


def _withheld(more: Mapping[str, str]) -> Iterable[str]:
    """A caller who wants to be nobody is nobody, to callctl and to the fallback.

    Asterisk heeds Privacy only beside a P-Asserted-Identity that it trusts. Only the letters of the header are kept:
    no other value of RFC 3323 and 3325 has one of these words in it. `more` are variables to be set as well; as they
    all stand in one step, none may have a comma or a quote in its value.
    """
    wants = '"${CC_PRIVACY}" =~ "id|user|header|full"'
    nobody = '"${TOLOWER(${CALLERID(num)})}" = "anonymous"'
    nowhere = '"${CUT(CC_FROM_URI,@,2)}" =~ "^anonymous.invalid"'
    # AMI writes a number as it came, line ends included.
    yield "Set(CALLERID(num)=${FILTER(0-9A-Za-z+*#._\\x2d,${CALLERID(num)})})"
    values = {
        "CC_PRIVACY": "${FILTER(a-z,${TOLOWER(${PJSIP_HEADER(read,Privacy)})})}",
        "CC_FROM_URI": "${FILTER(a-z@.,${TOLOWER(${CHANNEL(pjsip,remote_uri)})})}",
        **more,
    }
    yield f"MSet({','.join(f'{name}={value}' for name, value in values.items())})"
    yield f"GotoIf($[{wants} | {nobody} | {nowhere}]?:known)"
    yield "Set(CALLERID(num-pres)=prohib)"
    yield "Set(CALLERID(name-pres)=prohib)"


def _phone(phone: PhonePolicy, lifelines: Sequence[TrunkPolicy]) -> str:
    steps = [NO_FORWARD, f"Set(CC_PHONE={phone.id})"]
    if phone.emergency_caller is not None:
        steps.append(f"Set(CC_FROM={phone.emergency_caller.digits})")
        steps.append(f"Set(CC_FROM_HOME={_home(phone.emergency_caller, lifelines)})")
        for index, trunk in enumerate(lifelines):
            steps.append(f"Set(CC_FROM_{index}={for_trunk(phone.emergency_caller, trunk.numbers)})")
    steps += ["Goto(callctl-phones,${FILTER(0-9*#+,${EXTEN})},1)", "(forward)Hangup(21)"]
    return _context(f"callctl-phone-{phone.id}", _exten("_[0-9*#+]!", *steps))


def _home(number: E164, lifelines: Sequence[TrunkPolicy]) -> str:
    """The number as its own country writes it, for the call-back that comes in that form."""
    countries = [t.numbers.country for t in lifelines]
    forms = (for_trunk(number, NumberRules(country=c, send="national")) for c in countries)
    return next(forms, number.digits)


def _reach(policy: Policy, phones: Sequence[PhonePolicy]) -> str:
    """All that a phone can dial. Emergency stands first: no extension can take its place."""
    taken: dict[str, str] = {}
    for number in policy.emergency.numbers:
        taken.setdefault(number.digits, f"Goto(callctl-emergency,{number.digits},1)")
    for code, feature in policy.features.items():
        hears = f"Goto(callctl-hear,{_ringer('${CC_PHONE}')},1)"
        taken.setdefault(code, hears if feature is Feature.VOICEMAIL else f"Goto(callctl-feature,{code},1)")
    for phone in phones:
        if phone.extension is not None:
            taken.setdefault(phone.extension.digits, f"Goto(callctl-ring,{_ringer(phone.id)},1)")
    rules = NumberRules(country=policy.country, send="national")
    for address in policy.entries:
        digits = str(getattr(address, "digits", ""))
        forms = [digits] if digits else []
        if isinstance(address, E164):
            forms = [f"+{digits}", f"00{digits}", for_trunk(address, rules)]
        for form in forms:
            taken.setdefault(form, f"Goto(callctl-in,{form},1)")
    lines = [line for exten, step in taken.items() for line in _exten(exten, step)]
    # Unallocated number: nothing else is reached from a phone.
    return _context("callctl-phones", [*lines, *_exten("i", "Hangup(1)")])


def _ringer(phone: str) -> str:
    """A phone's extension in callctl-ring; its bare name might be one of Asterisk's own: s, h, i, t."""
    return f"phone-{phone}"


_CALLED_BACK = 'GotoIf($["${CC_BACK}" != ""]?callctl-call-back,missed,1)'


def _ring(phones: Sequence[PhonePolicy]) -> str:
    """One phone rings another's. Option i: a 302 is not followed."""
    lines: list[str] = []
    for phone in phones:
        lines += _exten(
            _ringer(phone.id),
            f"Set(TIMEOUT(absolute)={LONGEST_CALL})",
            f"Dial(PJSIP/{phone.endpoint},{RING},i)",
            _CALLED_BACK,
            'Hangup(${IF($["${DIALSTATUS}" = "BUSY"]?17:20)})',
        )
    # Phones that are gone: colleagues are told so, but the emergency service's call-back goes its usual way.
    unknown = _exten("i", _CALLED_BACK, "Hangup(1)")
    return _context("callctl-ring", [*lines, *unknown, *_exten("T", "Hangup(16)")])


def _emergency(policy: Policy, lifelines: Sequence[TrunkPolicy], endpoint_of: EndpointOf) -> str:
    """Over each emergency trunk in order, until one carries the call. No limit of any trunk applies."""
    until = f"${{CC_PHONE}}:$[${{EPOCH}} + {policy.emergency.callback_window // SECOND}]"
    steps = [
        NO_FORWARD,
        "Set(CC_NUMBER=${EXTEN})",
        f"Set(TIMEOUT(absolute)={LONGEST_CALL})",
        # AMI writes a number as it came, line ends included.
        "Set(CALLERID(num)=${FILTER(0-9+*#,${CALLERID(num)})})",
        "Set(CALLERID(name)=)",
        TOLD % "dialled",
        'GotoIf($["${CC_FROM}" = ""]?go)',
        "Set(CALLERID(pres)=allowed)",
        # The forms in which a network may write the number when it calls back.
        f"Set(DB({FAMILY}/${{CC_FROM}})={until})",
        f"Set(DB({FAMILY}/00${{CC_FROM}})={until})",
        f"Set(DB({FAMILY}/${{CC_FROM_HOME}})={until})",
        "(go)NoOp()",
    ]
    for index, trunk in enumerate(lifelines):
        steps += [
            f'ExecIf($["${{CC_FROM_{index}}}" != ""]?Set(CALLERID(num)=${{CC_FROM_{index}}}))',
            f"Dial(PJSIP/${{CC_NUMBER}}@{endpoint_of(trunk.id)},{EMERGENCY_RING},i)",
            'GotoIf($["${DIALSTATUS}" = "ANSWER"]?done)',
        ]
    steps += [*_FAILED, "(done)Hangup()", "(forward)Hangup(21)"]
    lines: list[str] = []
    if lifelines:
        lines += _exten("_[0-9]!", *steps)
    else:
        lines += _exten("_[0-9]!", "Set(CC_NUMBER=${EXTEN})", TOLD % "NO_EMERGENCY_TRUNK", *_FAILED)
    lines += _exten("h", 'ExecIf($["${DIALSTATUS}" != ""]?' + TOLD % "${DIALSTATUS}" + ")")
    return _context("callctl-emergency", lines)


def boxes_of(phone: PhoneId, policy: Policy) -> list[MailboxId]:
    """The mailboxes whose lamp is on this phone."""
    return [box.id for box in policy.mailboxes.values() if phone in box.lamp]


def _mailboxes(policy: Policy) -> str:
    """What a caller hears before the beep in each mailbox of the configuration. callctl-voicemail does the rest."""
    lines: list[str] = []
    for box in policy.mailboxes.values():
        said = "&".join(sound.removeprefix("sound:") for sound in box.greeting)
        lines += _exten(
            box.id,
            f"Set(CC_BOX={box.id}@{MAILBOXES})",
            *([f"Set(CC_GREETING={said})"] if said else []),
            *([] if box.beep else ["Set(CC_BEEP=t)"]),
            "Goto(callctl-voicemail,s,1)",
        )
    return _context("callctl-mailbox", lines)


def _hear(policy: Policy, phones: Sequence[PhonePolicy]) -> str:
    """The messages of the phone's mailbox, behind its PIN. Who has several, or none, is asked which."""
    context = f"@{MAILBOXES}" if policy.mailboxes else ""
    lines: list[str] = []
    for phone in phones:
        box, *more = [*boxes_of(phone.id, policy), ""]
        which = "" if len(more) > 1 else box
        lines += _exten(
            _ringer(phone.id),
            f"Set(TIMEOUT(absolute)={LONGEST_CALL})",
            "Answer()",
            "Wait(0.5)",
            f"VoiceMailMain({which}{context})",
            "Hangup()",
        )
    return _context("callctl-hear", [*lines, *_exten("T", "Hangup(16)")])


def _call_back() -> str:
    """The emergency service calls back: the phone that called it rings, else the call goes its usual way."""
    return _context(
        "callctl-call-back",
        [
            *_exten(
                "s",
                "Set(CC_PHONE=${CUT(CC_BACK,:,1)})",
                f"Goto(callctl-ring,{_ringer('${CC_PHONE}')},1)",
            ),
            *_exten("missed", "Set(TIMEOUT(absolute)=0)", "Set(CC_PHONE=)", "Goto(callctl-enter,s,1)"),
        ],
    )
