"""What may be said behind `callctl flow`. Apart from the rest: each start of the daemon reads it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

Add = Callable[..., argparse.ArgumentParser]
Files = Callable[[argparse.ArgumentParser], None]

EPILOG = """\
callctl flow try main --config /etc/callctl --agents ana
callctl flow test cases/*.yaml --config /etc/callctl
callctl flow draw --config /etc/callctl > ways.mmd"""

KEYS = """\
  listen           (or nothing) hear the prompts out; where none play, wait until something happens
  1 *9 0#          press these keys, one after the other
  answer           the agent whose phone rings picks up
  hang up          the caller hangs up; so does the end of the input
  agent hangs up   the agent does, after half a minute of talk
  at 14:30         it is so late now (the next 14:30), or at 2026-12-25 10:00: time only goes forward
  found name=Ada due="1 May"   what is being looked up is found; or: failed timeout
  help             this"""

TRY_EPILOG = f"""\
behind the prompt:
{KEYS}
nobody is called, no daemon and no PBX is asked: the core decides, and time passes as fast as it can
prompts take no time here; a phone that rings is answered by `answer` alone

callctl flow try +442079460000 --config /etc/callctl --at 2026-12-24T18:30 --caller +442079460999
printf '\\n2\\n\\n\\n' | callctl flow try main --config /etc/callctl --agents ana,ben"""

TEST_EPILOG = """\
a file of cases:
cases:
  who presses 1 talks with Ana:
    entry: "+442079460000"             # or a menu, a queue or a flow
    at: 2026-12-24T18:30               # noon of Wednesday 2026-01-07 if not given
    caller: "+442079460999"            # withheld if not given
    agents: [ana, ben]                 # logged in, each with a phone to ring; nobody if not given
    on: [closed_today]                 # switches that are on; none if not given
    does: [listen, 1, answer, hang up] # as behind the prompt of `callctl flow try`
    lookups: {orders/look: {status: sent}}   # what a flow's node finds, or why it does not: timeout; [..]: in order
    path: [menu main, queue sales, agent ana]   # nodes of a flow are written `node orders/hello`
    notes: {csat: "5"}                 # among what is in the record
    hears: [sound:hello]               # among what is played, in this order; a value as `date 2026-12-01`
    end: answered                      # as in the call record

whoever has done everything hangs up; path, hears, notes and end: at least one of them
exit codes: 0 all good · 1 a case is wrong · 2 a file or the usage"""

DRAW_EPILOG = """\
a Mermaid flowchart, for whatever draws it: a Markdown page, https://mermaid.live, mmdc
what a queue does is drawn where it leads on: out of hours, by a switch, full, without agents, after the longest wait,
by a key"""


def arguments(
    parser: argparse.ArgumentParser, add: Add, files: Files, *, walk: object, test: object, draw: object
) -> None:
    """What may be said behind `callctl flow`; `walk`, `test` and `draw` carry it out."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    what = "walk a caller's way in the terminal: press keys, wait, hang up, and read what becomes of the call and why"
    tried = add(actions, "try", walk, what, epilog=TRY_EPILOG)
    tried.add_argument("entry", metavar="ENTRY", help="a number of `numbers:`, a menu, a queue or a flow")
    tried.add_argument("--caller", default="", metavar="NUMBER", help="who calls (default: the number is withheld)")
    tried.add_argument(
        "--at", metavar="TIME", help="when, such as 2026-12-24T18:30 (this machine's zone) or …+01:00 (default: now)"
    )
    tried.add_argument(
        "--agents", default="", metavar="AGENT,…", help="who is logged in, with a phone to ring (default: nobody)"
    )
    tried.add_argument("--on", default="", metavar="SWITCH,…", help="switches that are on (default: none)")
    tested = add(actions, "test", test, "walk your own cases, and tell which lead elsewhere", epilog=TEST_EPILOG)
    tested.add_argument("files", nargs="+", type=Path, metavar="FILE", help="YAML files of cases")
    tested.add_argument("--json", action="store_true", help="print JSON")
    drawn = add(actions, "draw", draw, "draw where calls may go, as a Mermaid flowchart", epilog=DRAW_EPILOG)
    drawn.add_argument(
        "entry", nargs="?", metavar="ENTRY", help="from this number, menu, queue or flow on (default: all)"
    )
    for it in (tried, tested, drawn):
        files(it)
