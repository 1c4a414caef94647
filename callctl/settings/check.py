"""What must hold between entries: duplicates, clashes, ways without an end. References are checked by their types.

Entries with mistakes are looked at too: a key that could not be read is None here.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import TypeGuard
from urllib.parse import urlsplit

from callctl.core.addresses import E164, Address, Emergency, Extension, ShortCode, Withheld
from callctl.core.ids import PhoneId
from callctl.core.policy import MAILBOXES, Feature, PhoneKind, Transport, TrunkKind
from callctl.numbers import calling_code, country_prefix, is_premium
from callctl.settings.calendars import days_of, span_of
from callctl.settings.campaigns import Flag, SayingModel, chosen
from callctl.settings.check_campaigns import campaign_mistakes, campaign_oddities
from callctl.settings.check_flows import flow_mistakes, flow_oddities, heard_by_keys, led_to
from callctl.settings.check_speech import speech_mistakes
from callctl.settings.days_off import LAST_YEAR
from callctl.settings.errors import KeyPath, Place, Problem, shown
from callctl.settings.flow_parts import goals_of, last_of, ways_out
from callctl.settings.goals import Goal, Way
from callctl.settings.law import CallingHoursModel, HolidaysModel
from callctl.settings.models import Document, NodeModel, PhoneModel
from callctl.settings.numbering import allowed_prefixes, entry_address, numbering_of, reaches
from callctl.settings.prompts import SpeakModel
from callctl.settings.rule_sets import mistakes, unverified
from callctl.settings.strict import Strict
from callctl.settings.types import WEEKDAYS, nearest
from callctl.settings.ways import own_mailbox

RESERVED = frozenset({"global", "system", "acl", "transport-udp", "transport-tcp", "transport-tls", "anonymous"})
"""Sections of pjsip.conf that are no phones."""
_TLS = re.compile(r"^\[transport-tls\]", re.MULTILINE)
_SPELT = ("number:", "digits:", "characters:")
"""Prompts that Asterisk puts together itself; it plays them past any stop."""
_LEADS = ("give_up", "closed", "full", "unstaffed", "after")
"""Where a queue sends callers by itself."""
_SOCKET_PATH_MAX = 107
"""Bytes that the kernel's sockaddr_un holds, less the end."""


def _count(number: int, word: str) -> str:
    """`1 rule`, `2 rules`."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def _is_whole(model: Strict) -> bool:
    """False: keys of it could not be read, and are None here."""
    return model.model_fields_set < set(type(model).model_fields)


def _is_spelt(prompt: str | SpeakModel) -> TypeGuard[str]:
    return isinstance(prompt, str) and prompt.startswith(_SPELT)


def _is_missing(folder: Path) -> bool:
    """False where it cannot be seen from here: others may look into it."""
    try:
        return not folder.is_dir()
    except OSError:
        return False


class Check:
    """One pass. `problems` make the configuration unusable, `warnings` do not."""

    def __init__(self, document: Document, place: Callable[[KeyPath, bool], Place], whole: bool, folder: str) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._place = place
        self._folder = folder
        self._numbering = numbering_of(document)
        if whole:
            self._nodes(folder)
            self._reached()
        self._phones()
        self._clashes()
        self._agents()
        self._numbers()
        self._callers()
        self._outside()
        self._dispositions()
        self._campaigns()
        self._emergency(whole)
        self._trunks()
        self._flows(whole)
        self._last_resort()
        self._after_talks()
        self._calendars()
        self._law()
        self._mailboxes()
        self._deaf_prompts()
        self.problems += [Problem.at(place(m.path, m.of_key), *m[:3]) for m in speech_mistakes(document, folder)]
        self._twice_in_lists()

    def _wrong(self, path: KeyPath, wrong: str, right: str, of_key: bool = False) -> None:
        self.problems.append(Problem.at(self._place(path, of_key), path, wrong, right))

    def _warn(self, path: KeyPath, wrong: str, right: str, of_key: bool = True) -> None:
        self.warnings.append(Problem.at(self._place(path, of_key), path, wrong, right))

    def _unique(self, items: Iterable[tuple[KeyPath, str]], right: str, of_key: bool = False) -> None:
        seen: dict[str, KeyPath] = {}
        for path, value in items:
            if value in seen:
                first = self._place(seen[value], of_key)
                wrong = f"{shown(value)} is there already, in {first.file}, line {first.line}"
                self._wrong(path, wrong, right, of_key)
            else:
                seen[value] = path

    # ── the daemon ───────────────────────────────────────────────────────────────────────────

    def _nodes(self, folder: str) -> None:
        if not self.document.nodes:
            right = "add `nodes: {pbx: {ari: {password: file:secrets/ari}, ami: {password: file:secrets/ami}}}`"
            self._wrong(("nodes",), "no Asterisk is named", right, of_key=True)
        for name, node in self.document.nodes.items():
            if node.ari is not None and node.ari.url is not None:
                host = urlsplit(node.ari.url).hostname or ""
                if node.ari.url.startswith("http:") and host not in ("localhost", "::1") and host[:4] != "127.":
                    right = "use https, or let callctl run beside Asterisk"
                    self._warn(("nodes", name, "ari", "url"), "the password crosses a network in clear", right)
            if node.provision and node.include_dir is not None and _is_missing(around := self._around(node)):
                wrong = (
                    f"there is no folder {shown(str(around))} on this machine: callctl makes only the last of a path"
                )
                right = "name a folder beside Asterisk's configuration"
                self._warn(("nodes", name, "include_dir"), wrong, right)
        socket = self.document.control_socket
        if len(os.fsencode(os.path.normpath(os.path.join(folder, socket)))) > _SOCKET_PATH_MAX:
            right = f"choose a path of at most {_SOCKET_PATH_MAX} bytes"
            self._wrong(("control_socket",), "the path is too long for a socket", right)

    def _around(self, node: NodeModel) -> Path:
        """The folder that a node's `include_dir` lies in: Asterisk's own configuration."""
        return Path(os.path.abspath(os.path.join(self._folder, node.include_dir))).parent

    # ── phones and agents ────────────────────────────────────────────────────────────────────

    def _phones(self) -> None:
        phones = self.document.phones
        self._unique(
            [(("phones", p, "extension"), v.extension) for p, v in phones.items() if v.extension],
            "give each phone its own extension",
        )
        self._endpoints()
        for name, phone in phones.items():
            node = phone.node or next(iter(self.document.nodes), None)
            known = self.document.nodes.get(node) if node else None
            if phone.kind is PhoneKind.PROVISIONED and known is not None and known.provision is False:
                right = "set `provision: true` there, or make it `kind: existing`"
                self._warn(("phones", name), f"nobody provisions phones on the node {shown(str(node))}", right)

    def _endpoints(self) -> None:
        """PJSIP names: a phone's endpoint, and `trunk-NAME`. Asterisk takes no notice of case in some places."""
        names: list[tuple[KeyPath, str]] = [
            (("phones", p, "endpoint") if v.endpoint else ("phones", p), v.endpoint or p)
            for p, v in self.document.phones.items()
            if v.kind is not PhoneKind.OUTSIDE
        ]
        names += [(("trunks", name), f"trunk-{name}") for name in self.document.trunks]
        seen: dict[str, KeyPath] = {}
        for path, name in names:
            of_key = len(path) == 2
            if name.lower() in RESERVED:
                self._wrong(path, f"{shown(name)} is a section of pjsip.conf too", "name it otherwise", of_key)
            first = seen.setdefault(name.lower(), path)
            if first is not path:
                place = self._place(first, len(first) == 2)
                wrong = f"the PJSIP name {shown(name)} is there already, in {place.file}, line {place.line}"
                self._wrong(path, wrong, "name it otherwise", of_key)

    def _clashes(self) -> None:
        emergency, short = self._numbering.emergency, self._numbering.short_codes
        for name, phone in self.document.phones.items():
            path: KeyPath = ("phones", name, "extension")
            if phone.extension in emergency:
                right = "choose another extension"
                self._wrong(path, f"{shown(phone.extension)} is an emergency number", right)
            elif phone.extension in short:
                self._wrong(path, f"{shown(phone.extension)} is listed in `short_codes`", "choose another extension")
        for i, code in enumerate(self.document.short_codes):
            if code in emergency or code in self._numbering.features:
                what = "an emergency number" if code in emergency else "a feature code"
                self._wrong(("short_codes", i), f"{shown(code)} is {what} too", "keep one of them")

    def _agents(self) -> None:
        agents = self.document.agents
        self._unique(
            [(("agents", a, "phone"), v.phone) for a, v in agents.items() if v.phone],
            "give each agent an own phone",
        )
        if not agents:
            return
        for name, agent in agents.items():
            for queue in agent.penalties or ():
                if queue not in (agent.queues or ()):
                    wrong = f"a penalty in {shown(queue)}, which this agent does not serve"
                    self._wrong(("agents", name, "penalties", queue), wrong, "remove it, or add the queue", of_key=True)
            phone = self.document.phones.get(agent.phone or "")
            if agent.nailed_up and phone is not None and phone.kind is PhoneKind.OUTSIDE:
                wrong = f"the phone {shown(agent.phone)} is outside: no line to it stays open"
                self._wrong(("agents", name, "nailed_up"), wrong, "remove it, or give the agent a phone of the house")
        served = {queue for agent in agents.values() for queue in agent.queues or ()}
        for queue in self.document.queues:
            if queue not in served:
                self._warn(("queues", queue), "no agent serves this queue", "add it to an agent's `queues`")

    # ── numbers ──────────────────────────────────────────────────────────────────────────────

    def _numbers(self) -> None:
        seen: dict[Address, str] = {}
        for text in self.document.numbers:
            address = entry_address(text, self._numbering)
            path: KeyPath = ("numbers", text)
            if isinstance(address, Withheld):
                right = "write a valid number such as `+442079460000`, or an extension of 2 to 6 digits"
                self._wrong(path, f"{shown(text)} is no valid number", right, of_key=True)
            elif isinstance(address, Emergency):
                right = "remove it: emergency calls go out by themselves"
                self._wrong(path, f"{shown(text)} is an emergency number", right, of_key=True)
            elif isinstance(address, ShortCode) and address.digits in self._numbering.features:
                self._wrong(path, f"{shown(text)} is a feature code", "keep one of them", of_key=True)
            elif isinstance(address, Extension) and address.digits in self._numbering.extensions:
                self._wrong(path, f"{shown(text)} is a phone's extension", "choose another number", of_key=True)
            elif address in seen:
                first = self._place(("numbers", seen[address]), True)
                wrong = f"the same number is there already, in {first.file}, line {first.line}"
                self._wrong(path, wrong, "keep one of them", of_key=True)
            seen.setdefault(address, text)

    def _callers(self) -> None:
        seen: dict[Address, str] = {}
        for text in self.document.callers:
            address, path = entry_address(text, self._numbering), ("callers", text)
            if isinstance(address, Withheld):
                right = "write a valid number such as `+442079460000`, or an extension of 2 to 6 digits"
                self._wrong(path, f"{shown(text)} is no valid number", right, of_key=True)
            elif seen.setdefault(address, text) != text:
                first = self._place(("callers", seen[address]), True)
                wrong = f"the same number is there already, in {first.file}, line {first.line}"
                self._wrong(path, wrong, "keep one of them", of_key=True)

    def _dispositions(self) -> None:
        """Each name and each code once; what queues ask for is there."""
        seen: dict[str, KeyPath] = {}
        codes: dict[str, KeyPath] = {}
        for path, it, _ in chosen(self.document.dispositions or {}):
            first = self._once(seen, path[-1], path, "name", of_key=True)
            if it.code:
                self._once(codes, it.code, (*path, "code"), "code")
                if it.code in self.document.features:
                    self._wrong((*path, "code"), f"{shown(it.code)} is a feature code", "choose another code")
            if Flag.CALLBACK in (it.flags or ()) and it.campaign is None and first:
                wrong = "no campaign calls back callers who are on no list"
                self._warn(path, wrong, "add `campaign`, if it is for a queue that people call")
        self._switches(codes)
        choices = sorted({path[-1] for path, it, _ in chosen(self.document.dispositions or {}) if not it.below})
        for name, queue in self.document.queues.items():
            if queue.dispositions is not None:
                self._said_of(("queues", name, "dispositions"), queue.dispositions, choices)
        for code, feature in self.document.features.items():
            if feature is Feature.DISPOSITION:
                right = "give the code to the disposition: `dispositions: {sold: {code: ...}}`"
                self._wrong(("features", code), "a disposition has a code of its own", right)

    def _switches(self, codes: dict[str, KeyPath]) -> None:
        """`codes`: those that mean something already."""
        for name, switch in self.document.switches.items():
            path: KeyPath = ("switches", name, "code")
            if switch.code:
                self._once(codes, switch.code, path, "code")
                if switch.code in self.document.features:
                    self._wrong(path, f"{shown(switch.code)} is a feature code", "choose another code")
        for code, feature in self.document.features.items():
            if feature is Feature.SWITCH:
                right = "give the code to the switch: `switches: {closed_today: {code: ...}}`"
                self._wrong(("features", code), "a switch has a code of its own", right)
        lists = [*(it.closed_while for it in self.document.calendars.values())]
        lists += [it.closed_while for it in self.document.queues.values()]
        named = {switch for switches in lists for switch in switches or ()}
        for name in self.document.switches:
            if name not in named:
                self._warn(("switches", name), "nothing is closed by this switch", "name it under `closed_while`")

    def _said_of(self, path: KeyPath, saying: SayingModel, choices: list[str]) -> None:
        named = [((*path, "of", i), name) for i, name in enumerate(saying.of or ())]
        if saying.default:
            named.append(((*path, "default"), saying.default))
        for at, name in named:
            if name not in choices:
                self._wrong(at, f"there is no disposition {shown(name)} that may be chosen", nearest(name, choices))
        if saying.default and saying.of and saying.default not in saying.of:
            self._wrong((*path, "default"), f"{shown(saying.default)} is not among `of`", "add it there")

    def _once(self, seen: dict[str, KeyPath], word: str, path: KeyPath, what: str, of_key: bool = False) -> bool:
        first = seen.setdefault(word, path)
        if first is path:
            return True
        place = self._place(first, of_key)
        wrong = f"the same {what} is there already, in {place.file}, line {place.line}"
        self._wrong(path, wrong, f"choose another {what}", of_key)
        return False

    def _campaigns(self) -> None:
        for mistake in campaign_mistakes(self.document, self._numbering):
            self._wrong(*mistake)
        for odd in campaign_oddities(self.document):
            self._warn(*odd)

    def _outside(self) -> None:
        """Numbers of the public network that callctl itself dials: valid, allowed, and over a trunk that is known."""
        for path, way in self._ways():
            if way.number is not None:
                self._dialled((*path, "number"), way.number, way)
        for name, phone in self.document.phones.items():
            if phone.kind is PhoneKind.OUTSIDE and phone.number is not None:
                self._dialled(("phones", name, "number"), phone.number, phone)

    def _dialled(self, path: KeyPath, text: str, of: Way | PhoneModel) -> None:
        number = entry_address(text, self._numbering)
        if not isinstance(number, E164):
            self._wrong(path, f"{shown(text)} is no number of the public network", "write one such as `+442079460000`")
            return
        rules, prefixes = self.document.dialing, allowed_prefixes(self.document)
        if not number.digits.startswith(prefixes):
            wrong = f"{shown(str(number))} begins with nothing that `dialing` allows"
            self._wrong(path, wrong, f'add its beginning: `dialing: {{allowed: ["+{calling_code(number)}"]}}`')
        elif rules is not None and number.digits.startswith(tuple(p.removeprefix("+") for p in rules.refused or ())):
            self._wrong(path, f"{shown(str(number))} begins with what `dialing` refuses", "write another number")
        elif rules is not None and not rules.premium and is_premium(number):
            right = "write another number, or add `dialing: {premium: true}`"
            self._wrong(path, f"{shown(str(number))} is a premium-rate number", right)
        if of.trunk is None and len(self.document.trunks) != 1 and _is_whole(of):
            right = "add `trunk`" if self.document.trunks else "add a trunk under `trunks:`"
            self._wrong(path, "it is not said over which trunk", right)

    def _ways(self) -> Iterator[tuple[KeyPath, Way]]:
        """Every destination of the document."""
        for path, goal in self._goals():
            yield path, goal
            if goal.then is not None:
                yield (*path, "then"), goal.then

    def _emergency(self, whole: bool) -> None:
        document = self.document
        for name, phone in document.phones.items():
            if phone.emergency_caller and not isinstance(entry_address(phone.emergency_caller, self._numbering), E164):
                path: KeyPath = ("phones", name, "emergency_caller")
                wrong = f"{shown(phone.emergency_caller)} is no valid number"
                self._wrong(path, wrong, "write a public number that reaches you, such as `+442079460000`")
        marked = [name for name, trunk in document.trunks.items() if trunk.emergency]
        if document.emergency is None:
            for name in marked:
                right = "add `emergency: {numbers: [112]}`"
                self._warn(("trunks", name, "emergency"), "no emergency numbers are listed", right)
            return
        if whole and not marked:
            right = "mark a trunk with `emergency: true`"
            self._wrong(("emergency",), "no trunk carries emergency calls", right, of_key=True)
        for name, phone in document.phones.items():
            if phone.kind is PhoneKind.PROVISIONED and phone.emergency_caller is None:
                right = "add `emergency_caller`, the number that the rescuers call back"
                self._warn(("phones", name), "an emergency call from here shows no number of its own", right)

    # ── trunks ───────────────────────────────────────────────────────────────────────────────

    def _trunks(self) -> None:
        self._sources()
        for name, trunk in self.document.trunks.items():
            if trunk.srtp and trunk.transport is not Transport.TLS:
                right = "add `transport: tls`"
                self._warn(("trunks", name, "srtp"), "the keys of the audio travel in clear", right)
            if trunk.transport is Transport.TLS and not self._has_tls(trunk.node):
                wrong = "Asterisk has no TLS transport as shipped, and this trunk needs it"
                right = "uncomment `[transport-tls]` in Asterisk's pjsip.conf, see asterisk-conf/README.md"
                self._warn(("trunks", name, "transport"), wrong, right)

    def _sources(self) -> None:
        """Where each trunk's calls come from, on each node: one place belongs to one trunk. Trunks that register may
        share their host, since Asterisk knows their calls by the `line` that it registered with."""
        seen: dict[tuple[str | None, str], tuple[KeyPath, bool]] = {}
        for name, trunk in self.document.trunks.items():
            node = trunk.node or next(iter(self.document.nodes), None)
            matches: list[tuple[KeyPath, str]] = [
                (("trunks", name, "match", i), source) for i, source in enumerate(trunk.match or ())
            ]
            told_by_line = trunk.kind is TrunkKind.REGISTER and trunk.match == ()
            if trunk.match == () and trunk.host:  # None: it could not be read
                matches = [(("trunks", name, "host"), trunk.host)]
            for path, source in matches:
                first, also_by_line = seen.setdefault((node, source.lower().strip("[]")), (path, told_by_line))
                if first != path and not (told_by_line and also_by_line):
                    place = self._place(first, False)
                    wrong = f"calls from {shown(source)} belong to {place.file}, line {place.line}, already"
                    right = "a call must come from one trunk: give each a `match` of its own, such as IP:port"
                    self._wrong(path, wrong, right)

    def _has_tls(self, node: str | None) -> bool:
        """As far as can be seen from here: the file beside `include_dir` may not be ours to read."""
        known = self.document.nodes.get(node or next(iter(self.document.nodes), ""))
        if known is None or known.include_dir is None:
            return False
        try:
            path = self._around(known) / "pjsip.conf"
            return _TLS.search(path.read_text(encoding="utf-8", errors="replace")) is not None
        except OSError:
            return False

    # ── the calls' ways ──────────────────────────────────────────────────────────────────────

    def _goals(self) -> Iterator[tuple[KeyPath, Goal]]:
        """Every place where it is said where calls go."""
        document = self.document
        goals: list[tuple[KeyPath, Goal | None]] = [
            ((name,), getattr(document, name)) for name in ("unknown_number", "blocked", "last_resort")
        ]
        goals += [(("numbers", number), goal) for number, goal in document.numbers.items()]
        for name, menu in document.menus.items():
            goals += [(("menus", name, "options", key), goal) for key, goal in (menu.options or {}).items()]
            goals.append((("menus", name, "give_up"), menu.give_up))
        for name, queue in document.queues.items():
            goals += [(("queues", name, at), getattr(queue, at)) for at in _LEADS]
            goals += [(("queues", name, "exit_keys", key), goal) for key, goal in (queue.exit_keys or {}).items()]
        yield from ((path, goal) for path, goal in goals if goal is not None)
        yield from goals_of(document)

    def _reached(self) -> None:
        ways = list(self._ways())
        menus = {way.menu for path, way in ways if path[:2] != ("menus", way.menu)}
        queues = {way.queue for path, way in ways if path[:2] != ("queues", way.queue)}
        flows = {way.flow for path, way in ways if path[:2] != ("flows", way.flow)}
        flows |= {name for path, name in led_to(self.document) if path[:2] != ("flows", name)}
        for campaign in self.document.campaigns.values():
            menus |= {campaign.harbour, campaign.message}
            queues.add(campaign.queue)
        for section, names, reached in (
            ("menus", list(self.document.menus), menus),
            ("flows", list(self.document.flows), flows),
            ("queues", list(self.document.queues), queues),
        ):
            for name in names:
                if name not in reached:
                    self._warn((section, name), "no call is led here", "lead one here, or remove it")

    def _flows(self, whole: bool) -> None:
        for mistake in flow_mistakes(self.document, whole):
            self._wrong(*mistake)
        for odd in flow_oddities(self._ways(), self.document):
            self._warn(*odd)

    def _last_resort(self) -> None:
        goal = self.document.last_resort
        way = goal.then if goal is not None and goal.then is not None else goal
        if way is not None and (way.menu is not None or way.queue is not None or way.flow is not None):
            wrong = "a caller whom queues send round would go round again"
            self._wrong(("last_resort",), wrong, "write `hang_up`, `voicemail`, `number`, or `announce`")

    def _after_talks(self) -> None:
        """Who has talked comes to no queue again, and no number is dialled for them: one call has one talk."""
        for name, queue in self.document.queues.items():
            trail = self._to_another_talk(queue.after) if queue.after is not None else []
            if trail:
                wrong = f"a caller who has talked with an agent would come to {trail[-1]} ({' → '.join(trail)})"
                right = "lead to `menu`, `flow`, `announce`, `voicemail` or `hang_up`,"
                right += " and from there to no queue and no number"
                self._wrong(("queues", name, "after"), wrong, right)

    def _to_another_talk(self, goal: Goal) -> list[str]:
        """The shortest way from there to a queue or a number outside, through menus and flows; empty: there is none."""
        todo: deque[tuple[list[str], Goal]] = deque([([], goal)])
        seen: set[str] = set()
        while todo:
            trail, goal = todo.popleft()
            way = last_of(goal)
            if way.queue is not None or way.number is not None:
                return [*trail, f"queue {way.queue}" if way.queue is not None else f"number {way.number}"]
            name = f"menu {way.menu}" if way.menu is not None else f"flow {way.flow}" if way.flow is not None else ""
            if name and name not in seen:
                seen.add(name)
                menu = self.document.menus.get(way.menu or "")
                onward = [*(menu.options or {}).values(), menu.give_up] if menu is not None else []
                if way.flow is not None:
                    onward += ways_out(self.document, way.flow)
                todo += [([*trail, name], it) for it in onward if it is not None]
        return []

    def _calendars(self) -> None:
        for name, calendar in self.document.calendars.items():
            self._week(("calendars", name, "week"), calendar.week or {})
            for date, hours in (calendar.dates or {}).items():
                self._apart(("calendars", name, "dates", date), hours)
            self._apart(("calendars", name, "holiday_hours"), calendar.holiday_hours or ())
            if calendar.holidays is not None:
                self._years(("calendars", name, "holidays"), calendar.holidays, "dates")

    def _years(self, path: KeyPath, holidays: HolidaysModel, instead: str) -> None:
        readable = holidays.country is not None and holidays.categories is not None
        last = holidays.last_year() if readable else None
        if last is not None and last < LAST_YEAR:
            wrong = f"the holidays of {shown(holidays.country)} are known until {last}"
            self._warn(path, wrong, f"list later ones under `{instead}`")

    def _week(self, path: KeyPath, week: Mapping[str, Iterable[str]]) -> None:
        seen: dict[int, str] = {}
        for days, hours in week.items():
            for day in days_of(days):
                if (first := seen.setdefault(day, days)) != days:
                    wrong = f"{WEEKDAYS[day]} is there already, in `{first}`"
                    self._wrong((*path, days), wrong, "name each day once", of_key=True)
                    break
            self._apart((*path, days), hours)

    def _apart(self, path: KeyPath, hours: Iterable[str]) -> None:
        spans = sorted(span_of(one) for one in hours)
        if any(start < end for (_, end), (start, _) in pairwise(spans)):
            self._wrong(path, "these hours overlap", "write them one after the other")

    # ── the law ──────────────────────────────────────────────────────────────────────────────

    def _law(self) -> None:
        for mistake in mistakes(self.document):
            self._wrong(*mistake)
        for name, model in self.document.rule_sets.items():
            for rule, it in (model.rules or {}).items():
                if isinstance(it, CallingHoursModel):
                    path = ("rule_sets", name, "rules", rule)
                    self._week((*path, "week"), it.week)
                    if it.holidays is not None:
                        self._years((*path, "holidays"), it.holidays, "closed")
        self._unread_law()

    def _unread_law(self) -> None:
        """Sets for people whom nobody may call anyway are told once for each country, and no more of them."""
        by_country: dict[str, list[str]] = {}
        for name, model in self.document.rule_sets.items():
            if model.country is not None:
                by_country.setdefault(model.country, []).append(name)
        for country, names in by_country.items():
            if not reaches(self.document, country):
                wrong = f"`dialing` allows no number of {country}: {_count(len(names), 'rule set')} for nobody"
                right = f'add `dialing: {{allowed: ["+{country_prefix(country)}"]}}`, or remove what is not needed'
                self._warn(("rule_sets", names[0]), wrong, right)
                continue
            for name in names:
                if unread := unverified(self.document.rule_sets[name]):
                    some = ", ".join(unread[:12])
                    wrong = f"{_count(len(unread), 'rule')} unverified in rule set {shown(name)}: {some}"
                    right = "have counsel check"
                    self._warn(("rule_sets", name), wrong, right)

    # ── voicemail ────────────────────────────────────────────────────────────────────────────

    def _mailboxes(self) -> None:
        document = self.document
        for path, way in self._ways():
            box = own_mailbox(way.voicemail) if way.voicemail is not None else None
            meant = bool(document.mailboxes) or "@" in (way.voicemail or "")
            if meant and box is not None and box not in document.mailboxes:
                wrong = f"there is no mailbox {shown(box)}"
                right = f"{nearest(box, document.mailboxes)} (Asterisk's own is written `{box}@default`)"
                self._wrong((*path, "voicemail"), wrong, right)
        for name, mailbox in document.mailboxes.items():
            for i, who in enumerate(mailbox.lamp or ()):
                self._lamp(("mailboxes", name, "lamp", i), who, name)
        for name, node in document.nodes.items() if document.mailboxes else ():
            if node.provision is False:
                wrong = f"nobody writes mailboxes on the node {shown(name)}"
                self._warn(("nodes", name, "provision"), wrong, "set `provision: true`, or take no calls there")

    def _lamp(self, path: KeyPath, who: str, mailbox: str) -> None:
        document = self.document
        agent = document.agents.get(who)
        if agent is None and who not in document.phones:
            wrong = f"there is no agent and no phone {shown(who)}"
            self._wrong(path, wrong, nearest(who, [*document.agents, *document.phones]))
            return
        phone = document.phones.get((agent.phone if agent is not None else who) or "")
        if phone is not None and phone.kind is PhoneKind.OUTSIDE:
            self._wrong(path, "a phone outside has no lamp", "name an agent or a phone of the house")
        elif phone is not None and phone.kind is PhoneKind.EXISTING:
            right = f"write `mailboxes={mailbox}@{MAILBOXES}` for its endpoint there"
            self._warn(path, "callctl does not write this phone: it stands in Asterisk", right, of_key=False)

    def _deaf_prompts(self) -> None:
        """Asterisk cannot stop what it spells out: it would speak on over the menu that a key has ended, and let every
        other call wait until it is done."""
        for name, menu in self.document.menus.items():
            lists = (("prompts", menu.prompts), ("invalid", menu.invalid), ("no_input", menu.no_input))
            for key, i, prompt in ((key, i, p) for key, prompts in lists for i, p in enumerate(prompts or ())):
                if menu.barge_in and _is_spelt(prompt):
                    wrong = f"no key stops {shown(prompt)}: Asterisk speaks it to its end"
                    self._wrong(
                        ("menus", name, key, i), wrong, "use a `sound:`, or set `barge_in: false` for this menu"
                    )
        for path, prompt in heard_by_keys(self.document):
            if prompt.startswith(_SPELT):
                wrong = f"no key stops {shown(prompt)}: Asterisk speaks it to its end"
                self._wrong(path, wrong, "use a `sound:` or `say`, or set `barge_in: false` for this node")
        for path, prompts in self._heard_before_the_call():
            for i, prompt in enumerate(prompts):
                if _is_spelt(prompt):
                    wrong = f"nothing stops {shown(prompt)}: two who are to talk would wait for its end"
                    self._wrong((*path, i), wrong, "use a `sound:`")

    def _heard_before_the_call(self) -> Iterator[tuple[KeyPath, tuple[str | SpeakModel, ...]]]:
        """Prompts that must give way to the call itself."""
        for name, queue in self.document.queues.items():
            yield ("queues", name, "whisper"), queue.whisper or ()
            words = queue.words.prompts if queue.words is not None else None
            yield from ((("queues", name, "words", "prompts", i), it or ()) for i, it in enumerate(words or ()))
        for name, phone in self.document.phones.items():
            yield ("phones", name, "confirm"), phone.confirm or ()

    def _twice_in_lists(self) -> None:
        lists: list[tuple[KeyPath, tuple[str, ...] | None]] = [(("short_codes",), self.document.short_codes)]
        if self.document.emergency is not None:
            lists.append((("emergency", "numbers"), self.document.emergency.numbers))
        lists += [(("agents", a, "queues"), v.queues) for a, v in self.document.agents.items()]
        lists += [(("flows", name, "languages"), flow.languages) for name, flow in self.document.flows.items()]
        lists += [(("trunks", n, "codecs"), v.codecs) for n, v in self.document.trunks.items()]
        lists += [(("mailboxes", m, "lamp"), v.lamp) for m, v in self.document.mailboxes.items()]
        lists += [(("phones", PhoneId(p), "codecs"), v.codecs) for p, v in self.document.phones.items()]
        for name, model in self.document.rule_sets.items():
            lists += [(("rule_sets", name, key), getattr(model, key)) for key in ("states", "kinds")]
        for section in ("calendars", "queues"):
            models = getattr(self.document, section).items()
            lists += [((section, name, "closed_while"), it.closed_while) for name, it in models]
        lists += [(("switches", name, "may"), it.may) for name, it in self.document.switches.items()]
        for path, values in lists:
            self._unique([((*path, i), value) for i, value in enumerate(values or ())], "keep one of them")
