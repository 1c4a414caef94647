"""The configuration's folder to what the daemon and the core work with, or every mistake at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from callctl.core.ids import CampaignId
from callctl.core.policy import Policy
from callctl.settings.build import DaemonSettings, daemon_of, policy_of
from callctl.settings.check import Check
from callctl.settings.check_sounds import sound_mistakes
from callctl.settings.errors import KeyPath, Place, Problem, SettingsError, sorted_problems
from callctl.settings.folder import read_all
from callctl.settings.lists import ListForm, form_of
from callctl.settings.models import Document
from callctl.settings.prompts import Speaker, SpeechSettings, speaking_of, speech_of
from callctl.settings.secrets import NoSecret, Secret, database_url, header_value, mailbox_pin, resolve, sip_password
from callctl.settings.validate import Validation
from callctl.spoken import Spoken

SIP = ("phone:", "trunk:")
HEADER = "header:"
PIN = "mailbox:"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration without mistakes."""

    policy: Policy
    daemon: DaemonSettings
    secrets: Mapping[str, Secret]
    """SIP passwords, by `phone:<id>` and `trunk:<id>`, and PINs, by `mailbox:<id>`."""
    lists: Mapping[CampaignId, ListForm]
    """How each campaign's lists are read."""
    warnings: tuple[Problem, ...]
    """What may be meant, but is odd: a queue that no agent serves."""
    speech: SpeechSettings
    spoken: tuple[Spoken, ...]
    """What the policy's prompts name, and must be there before it is in force."""
    lookup_headers: Mapping[str, Mapping[str, Secret]] = field(default_factory=dict)
    """Sets of HTTP headers by name; each by header. For the adapter alone: the policy knows their names at most."""


def load(
    directory: Path,
    overlay: Path | None = None,
    environ: Mapping[str, str] | None = None,
    sounds: Path | None = None,
) -> Loaded:
    """Read every `*.yaml` of the directory, and of the overlay upon it.

    The overlay's values win key by key; a list replaces a list, a null takes a key away (back to its default).
    Relative paths start at the directory; those of `file:` secrets are looked for in the overlay first.
    `sounds`: Asterisk's folder of sounds, in which each that is played must be; None: it is not looked for.
    Raises SettingsError with every mistake.
    """
    validation, check, problems = _read(directory, overlay)
    document = validation.document
    for path, wrong, right, of_key in sound_mistakes(document, sounds) if sounds is not None else ():
        problems.append(Problem.at(validation.place(path, of_key), path, wrong, right))
    secrets: dict[str, Secret] = {}
    folders = [directory] if overlay is None else [overlay, directory]
    for name, path, reference in _references(document):
        found = _resolved(reference, folders, os.environ if environ is None else environ)
        if isinstance(found, Secret) and name.startswith(SIP):
            found = sip_password(found) or found
        if isinstance(found, Secret) and name.startswith(PIN):
            found = mailbox_pin(found) or found
        if isinstance(found, Secret) and name == "database":
            found = database_url(found) or found
        if isinstance(found, Secret) and name.startswith(HEADER):
            found = header_value(found) or found
        if isinstance(found, NoSecret):
            problems.append(Problem.at(validation.place(path), path, found.wrong, found.right))
        else:
            secrets[name] = found
    if problems:
        raise SettingsError(problems)
    policy, speech, spoken = _built(document, directory)
    return Loaded(
        policy=policy,
        daemon=daemon_of(document, directory, secrets),
        secrets={k: v for k, v in secrets.items() if k.startswith((*SIP, PIN))},
        lists={CampaignId(name): form_of(it.list) for name, it in document.campaigns.items()},
        warnings=sorted_problems(check.warnings),
        speech=speech,
        spoken=spoken,
        lookup_headers={
            name: {header: secrets[f"{HEADER}{name}:{header}"] for header in headers}
            for name, headers in document.lookup_headers.items()
        },
    )


def load_policy(directory: Path, overlay: Path | None = None) -> Policy:
    """The policy alone, as `load` reads it; no password is looked for. Raises SettingsError with every mistake."""
    validation, _, problems = _read(directory, overlay)
    if problems:
        raise SettingsError(problems)
    return _built(validation.document, directory)[0]


def load_spoken(directory: Path, overlay: Path | None = None) -> tuple[tuple[Spoken, ...], SpeechSettings]:
    """What is spoken, and what builds it, as `load` reads it; no password is looked for. Raises SettingsError."""
    validation, _, problems = _read(directory, overlay)
    if problems:
        raise SettingsError(problems)
    _, speech, spoken = _built(validation.document, directory)
    return spoken, speech


def _built(document: Document, directory: Path) -> tuple[Policy, SpeechSettings, tuple[Spoken, ...]]:
    speech = speech_of(document.speech, document.state_dir, directory)
    speaker = Speaker(speaking_of(document.speech, speech.folder))
    policy = policy_of(document, speaker)
    return policy, speech, tuple(speaker.spoken.values())


def _read(directory: Path, overlay: Path | None) -> tuple[Validation[Document], Check, list[Problem]]:
    tree, problems = read_all(directory, overlay)
    validation = Validation(tree, _home(directory), Document)
    check = Check(validation.document, validation.place, tree.whole and () not in tree.doubtful, str(directory))
    return validation, check, problems + validation.problems + check.problems


def _home(directory: Path) -> Place:
    """Where a section is missed that stands in no file."""
    main = directory / "callctl.yaml"
    return Place(str(main), 1, 1) if main.is_file() else Place(str(directory))


def _resolved(reference: str, folders: list[Path], environ: Mapping[str, str]) -> Secret | NoSecret:
    if reference.startswith(("env:", "file:")):
        return resolve(reference, folders, environ)
    return Secret(reference)  # a database URL that holds no password


def _references(document: Document) -> Iterator[tuple[str, KeyPath, str]]:
    """Every reference to a secret: the secret's name, where the reference stands, and what it says."""
    for name, node in document.nodes.items():
        for kind, login in (("ari", node.ari), ("ami", node.ami)):
            if login is not None and login.password:
                yield f"{kind}:{name}", ("nodes", name, kind, "password"), login.password
    if document.database.url:
        yield "database", ("database", "url"), document.database.url
    for section, one in (("phones", "phone"), ("trunks", "trunk")):
        entries = document.phones if section == "phones" else document.trunks
        for name, entry in entries.items():
            if entry.password:
                yield f"{one}:{name}", (section, name, "password"), entry.password
    for name, headers in document.lookup_headers.items():
        for header, reference in headers.items():
            yield f"{HEADER}{name}:{header}", ("lookup_headers", name, header), reference
    for name, mailbox in document.mailboxes.items():
        if mailbox.pin:
            yield f"{PIN}{name}", ("mailboxes", name, "pin"), mailbox.pin
