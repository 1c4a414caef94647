"""The Debian mirror this machine uses, read from its apt configuration."""

import re
import subprocess
from pathlib import Path

APT = Path("/etc/apt")


class MirrorError(RuntimeError):
    """apt names no Debian mirror here."""


def debian_mirror(apt: Path = APT) -> str:
    """The machine's mirror of Debian's own archive, from sources.list.d/*.sources (deb822) or one-line lists.

    Repositories that are not Debian's main archive (their suites are not a Debian release's, or they are `-security`)
    are passed over; of several that might be it, one whose address ends in /debian is taken first.
    """
    files = [*sorted((apt / "sources.list.d").glob("*.sources")), apt / "sources.list"]
    files += sorted((apt / "sources.list.d").glob("*.list"))
    found = [uri for path in files for uri, suites, components in _entries(path) if _is_main(uri, suites, components)]
    if not found:
        raise MirrorError(f"no mirror of Debian in {apt}/sources.list or {apt}/sources.list.d")
    return next((uri for uri in found if uri.rstrip("/").endswith("/debian")), found[0])


Entry = tuple[str, list[str], list[str]]


def _entries(path: Path) -> list[Entry]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return deb822(text) if path.suffix == ".sources" else one_line(text)


def _is_main(uri: str, suites: list[str], components: list[str]) -> bool:
    return "main" in components and any(map(_is_release, suites)) and uri.startswith(("http", "file", "copy"))


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


def apt_proxy() -> dict[str, str]:
    """The proxy that apt uses, as environment variables for programs that do not read apt's configuration."""
    try:
        done = subprocess.run(
            ["apt-config", "dump", "--format", "%v%n", "Acquire::http::Proxy"],
            capture_output=True,
            text=True,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    proxy = done.stdout.strip()
    return {"http_proxy": proxy, "https_proxy": proxy} if proxy.startswith("http") else {}
