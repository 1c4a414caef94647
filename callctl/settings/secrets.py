"""Secrets: referred to in the files, read from the environment or from files of their own, never printed."""

from __future__ import annotations

import os
import re
import secrets as random
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from callctl.settings.folder import read_all
from callctl.settings.yamlfile import Raw

LARGEST = 1024
SIP_LONGEST = 128
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # no look-alikes: people type these into phones
_MADE_LENGTH = 20  # of 31 letters: 99 bits
_PIN_LENGTH = 6


class Secret:
    """A password or a URL with one. Printing it shows nothing; `reveal()` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one who must send or write it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and random.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))


@dataclass(frozen=True, slots=True)
class NoSecret:
    """Why a reference leads to nothing."""

    wrong: str
    right: str


def resolve(reference: str, folders: Sequence[Path], environ: Mapping[str, str]) -> Secret | NoSecret:
    """What `env:NAME` or `file:PATH` holds; a relative path is looked up in each folder in turn."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        value = environ.get(name)
        if value is None:
            return NoSecret(f"the variable {name} is not set", "set it for callctl, or name another")
        return _checked(value, f"the variable {name}")
    path = _found(name, folders)
    try:
        text = _text(path)
    except FileNotFoundError:
        right = "write it (mode 0600); `callctl secrets --create` makes what callctl itself chooses"
        return NoSecret(f"there is no file {path}", right)
    except OSError as error:
        return NoSecret(f"{path} cannot be read ({error.strerror})", "make it readable for callctl alone")
    return text if isinstance(text, NoSecret) else _checked(text, str(path))


def sip_password(secret: Secret) -> NoSecret | None:
    """What is wrong with a secret as a SIP password: it must fit into one line of pjsip.conf, in ASCII; and a `>`
    behind the `=` is taken for a part of it there."""
    value = secret.reveal()
    if value.startswith(">"):
        return NoSecret("the secret it leads to begins with `>`, which Asterisk would drop", "choose another password")
    if len(value) <= SIP_LONGEST and value.isascii() and value.isprintable():
        return None
    wrong = "the secret it leads to is no SIP password"
    return NoSecret(wrong, f"at most {SIP_LONGEST} printable ASCII characters")


def header_value(secret: Secret) -> NoSecret | None:
    """What is wrong with a secret as the value of an HTTP header."""
    if secret.reveal().isascii():
        return None
    return NoSecret("the secret it leads to is no header's value", "ASCII characters only, such as `Bearer abc123`")


def mailbox_pin(secret: Secret) -> NoSecret | None:
    """What is wrong with a secret as what is typed on a phone."""
    if re.fullmatch("[0-9]{4,20}", secret.reveal()):
        return None
    return NoSecret("the secret it leads to is no PIN", "4 to 20 digits")


def database_url(secret: Secret) -> NoSecret | None:
    """What is wrong with a secret as the database's URL."""
    if secret.reveal().startswith(("postgresql://", "postgres://")):
        return None
    wrong = "the secret it leads to is no postgresql:// URL"
    return NoSecret(wrong, "put `postgresql://user:password@host/name` there")


def _found(name: str, folders: Sequence[Path]) -> Path:
    candidates = [folder / name for folder in folders]
    return next((path for path in candidates if _may_exist(path)), candidates[0])


def _may_exist(path: Path) -> bool:
    """True where it cannot be seen from here: whoever reads it says why."""
    try:
        return path.exists()
    except OSError:
        return True


def _text(path: Path) -> str | NoSecret:
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        return NoSecret(f"{path} is no regular file", "name a file that holds the secret")
    if mode & 0o007:
        return NoSecret(f"{path} is open to everybody (mode {stat.S_IMODE(mode):04o})", f"chmod 600 {path}")
    with path.open("rb") as source:
        data = source.read(LARGEST + 1)
    return data.decode("utf-8", errors="replace").removesuffix("\n").removesuffix("\r")


def _checked(value: str, where: str) -> Secret | NoSecret:
    if not value:
        return NoSecret(f"{where} is empty", "put the secret there")
    if len(value) > LARGEST or not value.isprintable() or value != value.strip() or "\ufffd" in value:
        right = f"one line of at most {LARGEST} printable characters, no space at its ends"
        return NoSecret(f"{where} holds no usable secret", right)
    return Secret(value)


def create_missing(directory: Path, overlay: Path | None = None) -> list[Path]:
    """Make a random secret (mode 0600) for each `file:` reference of nodes, phones and mailboxes that has no file
    yet.

    Relative ones go below the overlay, if there is one, else below the directory. Trunks' passwords are the
    carrier's, so they are not made up. Returns the files made. OSError when one cannot be written.
    """
    folders = [directory] if overlay is None else [overlay, directory]
    made: list[Path] = []
    for reference, is_pin in _references(read_all(directory, overlay)[0].root):
        path = _found(reference.removeprefix("file:"), folders)
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as target:
            alphabet, length = ("0123456789", _PIN_LENGTH) if is_pin else (_ALPHABET, _MADE_LENGTH)
            target.write("".join(random.choice(alphabet) for _ in range(length)) + "\n")
        made.append(path)
    return made


def _references(root: Mapping[str, Raw]) -> Iterator[tuple[str, bool]]:
    """Each, and whether it is a PIN's."""
    for section in ("nodes", "phones"):
        yield from ((reference, False) for reference in _kept(root.get(section), "password"))
    yield from ((reference, True) for reference in _kept(root.get("mailboxes"), "pin"))


def _kept(value: Raw, word: str) -> Iterator[str]:
    """What stands under this key, wherever it is."""
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        if key == word and isinstance(inner, str) and inner.startswith("file:") and len(inner) > 5:
            yield inner
        else:
            yield from _kept(inner, word)
