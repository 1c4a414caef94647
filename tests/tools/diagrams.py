"""Keeps the machines' diagrams in callctl/README.md current.

python -m tests.tools.diagrams            write them
python -m tests.tools.diagrams --check    exit 1 if they are not
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from callctl.core.diagram import section

README = Path(__file__).parents[2] / "callctl" / "README.md"
BEGIN, END = "<!-- diagrams -->", "<!-- /diagrams -->"


def drawn(text: str) -> str:
    """The page with its diagrams as the tables are now; added at the end where it has no place for them yet.

    Raises:
        ValueError: a place begins, and does not end.
    """
    if BEGIN not in text:
        text = f"{text.rstrip()}\n\n{BEGIN}\n{END}\n".lstrip()
    before, rest = text.split(BEGIN, 1)
    if END not in rest:
        raise ValueError(f"{README}: {BEGIN} without {END}")
    return f"{before}{BEGIN}\n\n{section()}\n{END}{rest.split(END, 1)[1]}"


def main() -> int:
    parser = argparse.ArgumentParser(description="The machines' diagrams in callctl/README.md.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if they are not current")
    check = parser.parse_args().check
    old = README.read_text(encoding="utf-8") if README.exists() else ""
    new = drawn(old)
    if new == old:
        return 0
    if check:
        print(f"{README} is not current: run `make diagrams`", file=sys.stderr)
        return 1
    README.write_text(new, encoding="utf-8")
    print(f"{README} is drawn anew")
    return 0


if __name__ == "__main__":
    sys.exit(main())
