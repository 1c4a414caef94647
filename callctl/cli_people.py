"""The command line about campaigns and people: parsing and printing only. A running daemon is asked."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from callctl.api.client import NoDaemonError
from callctl.printing import as_json, clock, fail, printable, table

Add = Callable[..., argparse.ArgumentParser]
Ask = Callable[[argparse.Namespace], Any]
"""The client that asks the daemon named by the arguments."""

OK, FAILED, WRONG = 0, 1, 2


def add_commands(
    commands: Any,
    add: Add,
    asks: Callable[[argparse.ArgumentParser], None],
    client: Ask,
    import_numbers: Callable[[argparse.Namespace], int],
) -> None:
    """What operators ask about campaigns and people. `import_numbers`: onto the do-not-call list, in the database."""
    people = _People(client, import_numbers)
    campaign = add(
        commands,
        "campaign",
        people.campaign,
        "list the campaigns, show one, start, pause or stop it, watch it live, or take its contacts up again",
        epilog="callctl campaign list · callctl campaign start spring · callctl campaign watch spring\n"
        "watch: agents, lines, pace and why it is so, outcomes, what was abandoned of what may be, how much is done\n"
        "paused: nothing is dialled, what is claimed is kept; stopped: what is claimed is let go",
    )
    wishes = ("list", "show", "start", "pause", "stop", "watch", "recycle")
    campaign.add_argument("wish", choices=wishes, help="what to do")
    campaign.add_argument(
        "--of", metavar="OUTCOME,…", help="with recycle: who is done with and ended so is due again: busy,no_answer"
    )
    campaign.add_argument("--dry-run", action="store_true", help="with recycle: count them, and change nothing")
    campaign.add_argument("--once", action="store_true", help="with watch: one picture, and no terminal needed")
    campaign.add_argument("--every", type=pause, metavar="S", help="with watch: seconds between looks (default: 1)")
    campaign.add_argument("campaign", nargs="?", metavar="CAMPAIGN", help="its name; not with list")
    agent = add(
        commands,
        "agent",
        people.agent,
        "show one agent, and whom they are to call; for a campaign's agent: the next contact, dial it, or skip it",
        epilog="callctl agent next ana · callctl agent dial ana · callctl agent show ana\n"
        "next: in manual campaigns, a contact to look at; dial: call who is looked at (the phone rings first, unless\n"
        "the agent is on the line); skip: leave the contact to somebody else, where the campaign's preview allows it\n"
        "login, logout, pause and unpause: callctl agents --help",
    )
    agent.add_argument("wish", choices=("show", "next", "dial", "skip"), help="what to do")
    agent.add_argument("agent", metavar="AGENT", help="the agent's id")
    agent.add_argument("--unmask", action="store_true", help="show numbers")
    listed = add(
        commands,
        "do-not-call",
        people.do_not_call,
        "show whether a number is not to be called; take it, or all that begin so, onto the list or off it, at once",
        epilog="callctl do-not-call add +442079460000 · callctl do-not-call add +4470 --prefix\n"
        "callctl do-not-call import tps.csv --config /etc/callctl --replace",
    )
    listed.add_argument("wish", choices=("show", "add", "remove", "import"), help="what to do")
    listed.add_argument("number", metavar="NUMBER", help="such as +442079460000; with import a FILE, one in each row")
    listed.add_argument("--column", metavar="HEADING", help="with import: which column holds the numbers")
    listed.add_argument(
        "--source", metavar="NAME", help="with import: whose file it is, for --replace (default: the file's name)"
    )
    listed.add_argument(
        "--replace",
        action="store_true",
        help="with import: what came from this source before, and is not in the file, is removed",
    )
    listed.add_argument("--prefix", action="store_true", help="all numbers that begin so")
    listed.add_argument("--campaign", default="", metavar="C", help="for this campaign alone; else for all")
    listed.add_argument("--how", default="", metavar="TEXT", help="how it came about, for people")
    consent = add(commands, "consent", people.consent, "note that somebody gave consent to be called, or took it back")
    consent.add_argument("wish", choices=("give", "revoke"), help="what to note")
    consent.add_argument("number", metavar="NUMBER", help="such as +442079460000")
    consent.add_argument("--scope", required=True, metavar="WORD", help="what for, such as sales; '*': for all")
    consent.add_argument("--how", default="", metavar="TEXT", help="on paper, on a web page, …, and where the proof is")
    consent.add_argument("--given", metavar="TIME", help="when, such as 2026-05-04T10:00+02:00; now if not given")
    said = add(
        commands,
        "disposition",
        people.disposition,
        "say for an agent what the call came to, during it or in wrap-up",
        epilog="callctl disposition ana sold --amount 99.50\n"
        "callctl disposition ana call_back --callback 2026-11-30T15:00 --mine",
    )
    said.add_argument("agent", metavar="AGENT", help="the agent's id")
    said.add_argument("disposition", metavar="DISPOSITION", help="one of the configuration's")
    said.add_argument("--amount", metavar="N", help="of a sale, such as 99.50")
    said.add_argument("--note", default="", metavar="TEXT", help="at most 500 characters")
    said.add_argument("--callback", metavar="TIME", help="the time agreed; without an offset by the customer's clock")
    said.add_argument("--mine", action="store_true", help="the agent's own callback, for a while")
    report = add(commands, "compliance", people.compliance, "report the abandoned rate as each rule set counts it")
    report.add_argument("what", choices=("report",), help="what to do")
    report.add_argument("campaign", metavar="CAMPAIGN", help="its name")
    report.add_argument("--rows", action="store_true", help="with each attempt that was counted")
    report.add_argument("--unmask", action="store_true", help="show numbers")
    person = add(
        commands,
        "person",
        people.person,
        "export everything that is stored about one person, or erase it",
        epilog="callctl person export +442079460000 > theirs.json · callctl person erase +442079460000 --yes\n"
        "a person is whoever has the number: every contact with it, and all numbers of those\n"
        "erased rows stay in the database's files until they are written over: `callctl db scrub` at a quiet hour",
    )
    person.add_argument("wish", choices=("export", "erase"), help="what to do")
    person.add_argument("number", metavar="NUMBER", help="such as +442079460000")
    person.add_argument("--yes", action="store_true", help="with erase: it cannot be undone, and is meant")
    person.add_argument(
        "--forget", action="store_true", help="with erase: also that they are not to be called; else that stays"
    )
    for it in (campaign, agent, listed, consent, said, report, person):
        asks(it)


def pause(text: str) -> float:
    """An argument: seconds between two looks."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.2 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0.2 to 3600")
    return seconds


class _People:
    def __init__(self, client: Ask, import_numbers: Callable[[argparse.Namespace], int]) -> None:
        self._client = client
        self._import_numbers = import_numbers

    # ── campaigns ────────────────────────────────────────────────────────────────────────────

    def campaign(self, args: argparse.Namespace) -> int:
        if args.wish != "watch" and (args.once or args.every is not None):
            return fail("--once and --every go with watch alone", WRONG)
        if args.wish == "list":
            return self._list(args)
        if args.campaign is None:
            return fail(f"which campaign? callctl campaign {args.wish} CAMPAIGN", WRONG)
        if args.wish == "watch":
            return self._watch(args)
        client = self._client(args)
        if args.wish == "recycle":
            return self._recycle(args)
        if args.wish == "show":
            answer = client.get("campaigns", args.campaign)
        else:
            answer = client.post("campaigns", args.campaign, args.wish)
        if as_json(args, answer):
            return OK
        if args.wish != "show":
            print(f"{answer['id']}: {answer['phase']}")
            return OK
        _show(answer)
        return OK

    def _watch(self, args: argparse.Namespace) -> int:
        from callctl.watch_campaign import once, watch

        if args.json or args.once:
            answer = self._client(args).get("campaigns", args.campaign, "live")
            if not as_json(args, answer):
                once(answer)
            return OK
        if not sys.stdout.isatty():
            return fail("watch wants a terminal; one picture: --once; for programs there is --json", WRONG)
        return watch(self._client(args), args.campaign, args.every or 1.0)

    def _recycle(self, args: argparse.Namespace) -> int:
        if not args.of:
            return fail("which? --of busy,no_answer,machine,abandoned,refused,failed,invalid", WRONG)
        body = {"of": args.of.split(","), "dry_run": args.dry_run}
        answer = self._client(args).post("campaigns", args.campaign, "recycle", **body)
        if not as_json(args, answer):
            what = "would be due again" if answer["dry_run"] else "are due again"
            print(f"{answer['campaign']}: {answer['contacts']} contacts {what}")
        return OK

    def _list(self, args: argparse.Namespace) -> int:
        answer = self._client(args).get("campaigns")
        if not as_json(args, answer):
            rows = [
                (
                    *(c["id"], c["phase"], c["mode"], c["kind"], c["queue"]),
                    *(c["contacts"].get(s, 0) for s in ("open", "later", "claimed", "done", "unknown")),
                    sum(c["attempts_24h"].values()),
                )
                for c in answer["campaigns"]
            ]
            columns = ("campaign", "phase", "mode", "kind", "queue", "open", "later", "claimed", "done", "unknown")
            table((*columns, "attempts 24 h"), rows, "no campaigns", right=(5, 6, 7, 8, 9, 10))
        return OK

    def compliance(self, args: argparse.Namespace) -> int:
        answer = self._client(args).get(
            "campaigns", args.campaign, "compliance", rows=int(args.rows), unmask=int(args.unmask)
        )
        if as_json(args, answer):
            return OK
        print(f"{answer['campaign']}, first started {clock(answer['began'])} (UTC)")
        for limit in answer["limits"]:
            _print_limit(limit)
        if not answer["limits"]:
            print("no rule set that holds for it limits abandoned calls, or it was never started")
        print("\nnot dialled:")
        _print_refusals(answer["refusals"])
        return OK

    # ── agents ───────────────────────────────────────────────────────────────────────────────

    def agent(self, args: argparse.Namespace) -> int:
        client, unmask = self._client(args), int(args.unmask)
        if args.wish != "show":
            client.post("agents", args.agent, "preview", wish=args.wish)
        answer = client.get("agents", args.agent, unmask=unmask)
        if not as_json(args, answer):
            _print_agent(answer)
        return OK

    # ── numbers ──────────────────────────────────────────────────────────────────────────────

    def do_not_call(self, args: argparse.Namespace) -> int:
        if args.wish == "import" and args.prefix:
            return fail("a file holds numbers; prefixes are added one by one", WRONG)
        if args.wish == "import":
            return self._import(args)
        if args.replace or args.column or args.source:
            return fail("--replace, --column and --source go with import alone", WRONG)
        if args.wish == "show":
            return self._listed(args)
        kind = "prefix" if args.prefix else "number"
        body = {kind: args.number, "campaign": args.campaign, "how": args.how}
        answer = self._client(args).post("do-not-call", args.wish, **body)
        if not as_json(args, answer):
            what = "every number that begins so" if answer["prefix"] else "the number"
            where = f"for {answer['scope']}" if answer["scope"] else "for all campaigns"
            print(f"{answer['digits']}: {what} {answer['now']}, {where}")
        return OK

    def _listed(self, args: argparse.Namespace) -> int:
        answer = self._client(args).get("do-not-call", args.number)
        if not as_json(args, answer):
            rows = [
                (e["scope"] or "all", e["number"] + ("…" if e["prefix"] else ""), clock(e["since"]), e["how"])
                for e in answer["entries"]
            ]
            columns = ("campaign", "number", "since (UTC)", "how it came onto the list")
            table(columns, rows, f"{answer['number']} is on no do-not-call list")
        return OK

    def _import(self, args: argparse.Namespace) -> int:
        code = self._import_numbers(args)
        if code == OK:
            try:
                self._client(args).post("do-not-call", "read")
            except NoDaemonError:
                print("no daemon runs: it reads the list when it starts", file=sys.stderr)
        return code

    def consent(self, args: argparse.Namespace) -> int:
        body = {"number": args.number, "scope": args.scope, "how": args.how}
        if args.given is not None:
            body["given"] = args.given
        answer = self._client(args).post("consent", args.wish, **body)
        if not as_json(args, answer):
            print(f"{answer['number']}: consent for `{answer['scope']}` is {answer['consent']}")
        return OK

    # ── one person's data ────────────────────────────────────────────────────────────────────

    def person(self, args: argparse.Namespace) -> int:
        if args.wish == "export":
            print(json.dumps(self._client(args).get("people", args.number), indent=2, ensure_ascii=False))
            return OK
        if not args.yes:
            return fail("this cannot be undone: look first (`callctl person export`), then add --yes", WRONG)
        answer = self._client(args).post("people", "erase", number=args.number, forget=args.forget)
        if not as_json(args, answer):
            stays = "" if args.forget else "; if they are on a do-not-call list, they stay on it (--forget: no)"
            print(f"erased: {answer['contacts']} contacts, {answer['numbers']} numbers{stays}")
        return OK

    # ── what a call came to ──────────────────────────────────────────────────────────────────

    def disposition(self, args: argparse.Namespace) -> int:
        body = {"disposition": args.disposition, "note": args.note, "mine": args.mine}
        body |= {name: value for name in ("amount", "callback") if (value := getattr(args, name)) is not None}
        answer = self._client(args).post("agents", args.agent, "disposition", **body)
        if not as_json(args, answer):
            back = f", to be called back at {answer['callback']}" if answer["callback"] else ""
            print(f"{answer['agent']}: {answer['disposition']}{back}")
        return OK


def _show(campaign: dict[str, Any]) -> None:
    rows = [
        ("phase", f"{campaign['phase']} since {clock(campaign['since'])} (UTC), by {campaign['by'] or 'nobody'}"),
        ("calls", f"{campaign['kind']}, {campaign['mode']}, agents of {campaign['queue'] or '-'}"),
        ("caller IDs", ", ".join(campaign["caller_ids"])),
        ("contacts", _counts(campaign["contacts"])),
        ("without a time zone", campaign["without_zone"]),
        ("times agreed", campaign["promised"]),
        ("claimed now", campaign["claimed"]),
        ("attempts of 24 h", _counts(campaign["attempts_24h"])),
    ]
    table((campaign["id"], ""), rows)
    print("\nnot dialled in 30 days:")
    _print_refusals(campaign["refusals"])


def _print_agent(agent: dict[str, Any]) -> None:
    """How the agent stands, and whom they are to talk with."""
    reason = f" ({agent['reason']})" if agent["reason"] else ""
    state = agent["state"].replace("_", " ") + (", is rung to dial" if agent.get("dials") else "")
    line = f", line {agent['line'] or 'down'}" if agent["nailed_up"] or agent["line"] else ""
    print(f"{agent['id']}: {agent['status']}{reason}, {state}, phone {agent['phone']['state']}{line}")
    if agent.get("until"):
        print(f"  until {clock(agent['until'])} (UTC)")
    if (customer := agent.get("customer")) is not None:
        _print_customer(customer)


def _print_customer(it: dict[str, Any]) -> None:
    where = ", ".join(filter(None, (it["country"], it["state"], it["zone"])))
    numbers = ", ".join(f"{n['number']}{' ' + n['kind'] if n['kind'] else ''}" for n in it["numbers"])
    rows: list[tuple[str, object]] = [
        ("contact", f"{it['id']} of {it['campaign']}" + (f" ({it['key']})" if it["key"] else "")),
        ("name", it["name"]),
        ("number", it["number"]),
        ("all numbers", numbers),
        ("where", where),
        ("attempts so far", f"{it['attempts']} ({_counts(it['outcomes'])})" if it["attempts"] else "none"),
    ]
    if (back := it["callback"]) is not None:
        rows.append(("agreed", f"to be called back at {clock(back['at'])} (UTC): {back['note']}"))
    if it["fields"] is None:
        rows.append(("fields", "the database is away"))
    rows += [(name, "" if value is None else value) for name, value in (it["fields"] or {}).items()]
    table(("to call", ""), rows)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.items()) or "none"


def _print_refusals(refusals: list[dict[str, Any]]) -> None:
    rows = [(r["rule"], r["version"], r["refusals"], clock(r["last"])) for r in refusals]
    table(("rule", "version", "times", "last (UTC)"), rows, "nothing was refused", right=(2,))


def _about(people: float | None) -> str:
    return "not known yet" if people is None else f"{people:g}"


def _print_limit(limit: dict[str, Any]) -> None:
    mark = "" if limit["verified"] else " (unverified: have counsel check)"
    print(f"\n{limit['rule']} {limit['version']}{mark}: at most {limit['most_percent']:g} % in {_days(limit)}")
    rows = [
        (
            *(clock(w["begins"]), clock(w["ends"]), w["answered_by_a_person"], w["abandoned"]),
            *(w["taken_for_machines"], _about(w["false_positives"]), f"{w['percent']:.3f}"),
            "kept" if w["kept"] else "BROKEN",
        )
        for w in limit["windows"]
    ]
    columns = (
        *("from (UTC)", "to", "answered by a person", "abandoned", "taken for machines", "of them people, about"),
        *("percent", ""),
    )
    table(columns, rows, "nobody has answered yet", right=(2, 3, 4, 5, 6))
    counted = "count as abandoned" if limit["false_positives_count"] else "do not count, by this rule"
    print(f"People taken for machines {counted}; how many, a sample tells (`detection: sample`).")
    attempts = limit.get("rows")
    if attempts is not None:
        cells = [(r["attempt"], clock(r["began"]), r["number"], r["contact"], r["outcome"]) for r in attempts]
        table(("attempt", "began (UTC)", "number", "contact", "outcome"), cells, "no attempts")


def _days(limit: dict[str, Any]) -> str:
    return f"each {limit['window_days']:g} days"


# ── explain contact ──────────────────────────────────────────────────────────────────────────────


def print_contact(contact: dict[str, Any]) -> None:
    """A contact: how it stands, whether it may be called now, and what was."""
    name = f", {contact['name']}" if contact["name"] else ""
    key = f" ({contact['key']})" if contact["key"] else ""
    print(printable(f"Contact {contact['id']}{key}{name} of {contact['campaign']}: {contact['standing']}"), end="")
    print(printable(f", {contact['why']}" if contact["why"] else ""), end="")
    print(f", due {clock(contact['due'])} (UTC)" if contact["standing"] in ("open", "later") else "")
    if (back := contact["callback"]) is not None:
        whose = f" by {back['agent']} alone until {clock(back['theirs_until'])}" if back["agent"] else ""
        print(printable(f"  to be called back at {clock(back['at'])} (UTC){whose}: {back['note']}"))
    if contact["fits"] is False:
        print("  the campaign's `filters` leave this contact out: it is not claimed")
    for number in contact["numbers"]:
        _print_number(number)
    _print_past(contact)


def _print_number(number: dict[str, Any]) -> None:
    where = ", ".join(filter(None, (number["country"], *number["states"], *number["zones"])))
    kind = f" {number['kind']}" if number["kind"] else ""
    now = "may be called now" if number["may_be_called"] else "may not be called now"
    print()
    print(printable(f"{number['number']}{kind} ({where or 'nobody knows where'}): {now}"))
    for kept in number["kept"]:
        print(f"  kept: {kept}")
    for reason in number["reasons"]:
        version = f" {reason['version']}" if reason["version"] else ""
        until = f"; from {clock(reason['until'])} (UTC) on it may be otherwise" if reason["until"] else ""
        print(printable(f"  {reason['rule']}{version}: {reason['why']}{until}"))


def _print_past(contact: dict[str, Any]) -> None:
    rows: list[tuple[str, object, object]] = []
    for it in contact["attempts"]:
        rules = f", by {', '.join(it['rules'])}" if it["rules"] else ""
        rows.append((it["began"], it["number"], f"attempt over {it['trunk']}: {it['outcome'] or 'open'}{rules}"))
    for it in contact["refusals"]:
        rows.append((it["at"], it["number"], f"not dialled: {it['rule']} {it['version']}: {it['why']}"))
    for it in contact["happened"]:
        rows.append((it["at"], it["number"], f"{it['what']}{' of ' + it['scope'] if it['scope'] else ''}: {it['why']}"))
    for it in contact["consents"]:
        rows.append((it["given"], it["number"], f"consent for {it['scope']}: {it['how']}"))
    for it in contact["do_not_call"]:
        whose = it["scope"] or "all campaigns"
        what = f"all that begin {it['number']}" if it["prefix"] else "not to be called"
        rows.append((it["since"], it["number"], f"{what}, for {whose}: {it['how']}"))
    print()
    cells = [(clock(at), number, text) for at, number, text in sorted(rows, key=lambda row: row[0])]
    table(("time (UTC)", "number", "what happened"), cells, "nothing was done yet")
