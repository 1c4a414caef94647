"""The Debian mirror this machine uses, read from its apt configuration."""

import re
from pathlib import Path

APT = Path("/etc/apt")


class MirrorError(RuntimeError):
    """apt names no Debian mirror here."""


def debian_mirror(apt: Path = APT) -> str:
    """The first mirror of Debian's own archive, from sources.list.d/*.sources (deb822) or one-line lists.

    Repositories that are not Debian's main archive (their suites are not a Debian release's, or they are
    `-security`) are passed over.
    """
    files = [*sorted((apt / "sources.list.d").glob("*.sources")), apt / "sources.list"]
    files += sorted((apt / "sources.list.d").glob("*.list"))
    for path in files:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        entries = deb822(text) if path.suffix == ".sources" else one_line(text)
        for uri, suites, components in entries:
            if (
                "main" in components
                and any(_is_release(s) for s in suites)
                and uri.startswith(("http", "file", "copy"))
            ):
                return uri
    raise MirrorError(f"no mirror of Debian in {apt}/sources.list or {apt}/sources.list.d")


Entry = tuple[str, list[str], list[str]]


def deb822(text: str) -> list[Entry]:
    """(uri, suites, components) of each enabled stanza of binary packages."""
    entries: list[Entry] = []
    for stanza in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        key = ""
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in (" ", "\t"):
                fields[key] = f"{fields.get(key, '')} {line.strip()}"
            elif ":" in line:
                key, _, value = line.partition(":")
                key = key.strip().lower()
                fields[key] = value.strip()
        if fields.get("enabled", "yes").lower() == "no" or "deb" not in fields.get("types", "").split():
            continue
        suites, components = fields.get("suites", "").split(), fields.get("components", "").split()
        entries += [(uri, suites, components) for uri in fields.get("uris", "").split()]
    return entries


def one_line(text: str) -> list[Entry]:
    """The same of one-line entries: `deb [options] uri suite component...`."""
    entries: list[Entry] = []
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+([^#]+)", line)
        if match is not None:
            entries.append((match[1], [match[2]], match[3].split()))
    return entries


def _is_release(suite: str) -> bool:
    """A main suite of Debian: a release by code name or status, not its updates or security."""
    return re.fullmatch(r"[a-z]+", suite) is not None and suite != "nodistro"
