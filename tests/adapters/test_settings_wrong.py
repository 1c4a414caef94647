"""Wrong configurations, and what is said: the table is settings_wrong.txt.

A block is YAML, a line `=>`, and every message in order (the file is a.yaml). Run with --rewrite to write what is said
now, then read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from callctl.settings import SettingsError, create_missing, load

pytestmark = pytest.mark.adapter

TABLE = Path(__file__).with_name("settings_wrong.txt")
NODES = 'nodes: {pbx: {ari: {password: "env:S"}, ami: {password: "env:S"}, include_dir: callctl.d}}\n'
BETWEEN = "\n========\n"


def blocks() -> list[str]:
    return TABLE.read_text(encoding="utf-8").rstrip("\n").split(BETWEEN)


def messages(folder: Path, overlay: Path | None = None) -> list[str]:
    """What is said about a folder, with its name taken away."""
    with pytest.raises(SettingsError) as caught:
        load(folder, overlay, environ={"S": "x", "PIN": "4711"})
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


def folder_of(tmp_path: Path, text: str | bytes) -> Path:
    (tmp_path / "nodes.yaml").write_text(NODES)
    (tmp_path / "a.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return tmp_path


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.split("=>\n")[1][:60])
def test_a_wrong_configuration(tmp_path: Path, block: str, request: pytest.FixtureRequest) -> None:
    text, expected = block.split("=>\n")
    said = messages(folder_of(tmp_path, text))
    if request.config.getoption("--rewrite"):
        new = "=>\n".join([text, "\n".join(said)])
        TABLE.write_text(BETWEEN.join(new if b == block else b for b in blocks()) + "\n", encoding="utf-8")
        return
    assert said == expected.split("\n")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"queues: {\xe4: {}}\n", "a.yaml:1:10: the byte 0xE4 is not UTF-8; save the file as UTF-8"),
        (b"# \xc3\xa4\nlog:\n  \xff\n", "a.yaml:3:3: the byte 0xFF is not UTF-8; save the file as UTF-8"),
        (b"# a\nlog:\0\n", "a.yaml:2:5: the character U+0000 does not belong in a text file; remove it"),
        (b"", "a.yaml:1:1: the file is empty; write settings, or remove it"),
        (b" \n\n", "a.yaml:1:1: the file is empty; write settings, or remove it"),
        (b"#" * (1 << 20) + b"\n", "a.yaml: larger than 1024 KiB; split it into several files"),
        (
            b"log: " + b"[" * 50_000,
            f"a.yaml:1:37: log{'[0]' * 31}: deeper than 32 levels; no setting is so deep",
        ),
    ],
    ids=["latin1", "latin1 later", "nul", "empty", "blank", "huge", "deep"],
)
def test_a_file_that_is_no_settings_file(tmp_path: Path, data: bytes, said: str) -> None:
    assert messages(folder_of(tmp_path, data)) == [said]


def test_folders_and_files_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    right = "name the folder that holds the *.yaml files"
    reason = "the configuration's folder cannot be read (No such file or directory)"
    assert messages(missing) == [f"{missing}: {reason}; {right}"]
    (tmp_path / "callctl.yaml").write_text(NODES)
    assert messages(tmp_path, missing) == [f"missing: {reason}; {right}"]
    reason = "the configuration's folder cannot be read (Not a directory)"
    assert messages(tmp_path / "callctl.yaml") == [f"{tmp_path}/callctl.yaml: {reason}; {right}"]
    empty = tmp_path / "empty"
    empty.mkdir()
    wrong = "there is no *.yaml file in this folder; name the folder that holds the configuration"
    assert messages(empty) == [f"{empty}: {wrong}"]


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    (tmp_path / "callctl.yaml").write_text(NODES)
    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "other.yml").write_text("queues: {}\n")
    no_file = "this is no regular file; write a YAML file, or rename it"
    assert messages(tmp_path) == [
        f"folder.yaml: {no_file}",
        "gone.yaml: cannot be read (No such file or directory); make it readable for callctl",
        "other.yml: this file is not read; name it other.yaml",
        f"pipe.yaml: {no_file}",
    ]


def test_nothing_is_missed_that_stands_in_a_broken_file(tmp_path: Path) -> None:
    (tmp_path / "queues.yaml").write_text("queues: {sales: {}\n")
    (tmp_path / "trunks.yaml").write_text("trunks: [\n")
    (tmp_path / "z.yaml").write_text("numbers: {200: {queue: sales}}\nhttp: {port: 0}\n")
    assert [text.split(":")[0] for text in messages(tmp_path)] == ["queues.yaml", "trunks.yaml", "z.yaml"]


def test_nothing_is_missed_that_may_stand_in_a_file_with_a_wrong_name(tmp_path: Path) -> None:
    folder_of(tmp_path, "numbers: {200: {queue: sales}}\nhttp: {port: 0}\n")
    (tmp_path / "queues.yml").write_text("queues: {sales: {}}\n")
    assert messages(tmp_path) == [
        "queues.yml: this file is not read; name it queues.yaml",
        "a.yaml:2:14: http.port: `0` is out of range; write a whole number from 1 to 65535",
    ]


def test_a_key_written_twice_is_told_without_what_follows_from_it(tmp_path: Path) -> None:
    folder_of(tmp_path, "numbers: {200: {queue: support}, 201: {menu: main}}\nhttp: {port: 0}\n")
    (tmp_path / "queues.yaml").write_text("queues:\n  sales: {}\n  sales: {}\n")
    assert messages(tmp_path) == [
        "a.yaml:1:46: numbers.201.menu: there is no menu `main`; add it under `menus:`",
        "a.yaml:2:14: http.port: `0` is out of range; write a whole number from 1 to 65535",
        "queues.yaml:3:3: queues.sales: the key is there already, at line 2; keep one of them",
    ]
    (tmp_path / "queues.yaml").write_text("queues: {sales: {}}\nqueues: {support: {}}\nmenus: {}\n")
    assert messages(tmp_path)[2:] == [
        "queues.yaml:2:1: queues: the key is there already, at line 1; keep one of them",
    ]


def test_all_files_tell_their_mistakes_at_once(tmp_path: Path) -> None:
    folder_of(tmp_path, "queues: {sales: {}}\nhttp: {port: 0}\ncountry: GB\nshort_codes: [150]\n")
    (tmp_path / "b.yaml").write_text("queues: {sales: {}}\nhttp: {port: 1}\ncountry: FR\nshort_codes: [x, 150]\n")
    assert messages(tmp_path) == [
        "a.yaml:2:14: http.port: `0` is out of range; write a whole number from 1 to 65535",
        "b.yaml:1:10: queues.sales: the key is there already, in a.yaml, line 1; keep one of them",
        "b.yaml:2:8: http.port: the key is there already, in a.yaml, line 2; keep one of them",
        "b.yaml:3:1: country: `country` is set already, in a.yaml, line 3; keep one of them",
        "b.yaml:4:15: short_codes[1]: `x` does not fit; write 2 to 8 digits",
    ]


def test_without_a_node_there_is_nothing_to_do(tmp_path: Path) -> None:
    (tmp_path / "callctl.yaml").write_text("http: {}\n")
    assert messages(tmp_path) == [
        "callctl.yaml:1:1: nodes: no Asterisk is named; add `nodes: "
        "{pbx: {ari: {password: file:secrets/ari}, ami: {password: file:secrets/ami}}}`"
    ]


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("queues: {sales: {}}\n", "a.yaml:1:10: queues.sales: no call is led here; lead one here, or remove it"),
        (
            "calendars: {o: {zone: Asia/Colombo, week: {}, holidays: {country: LK}}}\n",
            "a.yaml:1:47: calendars.o.holidays: the holidays of `LK` are known until 2026; "
            "list later ones under `dates`",
        ),
        (
            "trunks: {t: {kind: ip, host: a.example, srtp: true}}\n",
            "a.yaml:1:41: trunks.t.srtp: the keys of the audio travel in clear; add `transport: tls`",
        ),
        (
            "trunks: {t: {kind: ip, host: a.example, transport: tls, srtp: true}}\n",
            "a.yaml:1:41: trunks.t.transport: Asterisk has no TLS transport as shipped, and this trunk needs it; "
            "uncomment `[transport-tls]` in Asterisk's pjsip.conf, see asterisk-conf/README.md",
        ),
        (
            "nodes: {b: {include_dir: /etc/asteriks/callctl.d, ari: {password: 'env:S'}, ami: {password: 'env:S'}}}\n",
            "a.yaml:1:13: nodes.b.include_dir: there is no folder `/etc/asteriks` on this machine: "
            "callctl makes only the last of a path; name a folder beside Asterisk's configuration",
        ),
        (
            "nodes: {b: {provision: false, ari: {password: 'env:S', url: 'http://pbx:8088/ari'},"
            " ami: {password: 'env:S'}}}\n",
            "a.yaml:1:56: nodes.b.ari.url: the password crosses a network in clear; "
            "use https, or let callctl run beside Asterisk",
        ),
    ],
)
def test_what_is_odd_is_a_warning(tmp_path: Path, text: str, warning: str) -> None:
    loaded = load(folder_of(tmp_path, text), environ={"S": "x"})
    assert [str(w).replace(f"{tmp_path}/", "") for w in loaded.warnings] == [warning]


@pytest.mark.parametrize(("line", "warned"), [("[transport-tls]", False), (";[transport-tls]", True)])
def test_a_tls_transport_that_is_there_is_no_warning(tmp_path: Path, line: str, warned: bool) -> None:
    (tmp_path / "pjsip.conf").write_text(f"[transport-udp]\ntype=transport\n{line}\n;cert_file=x\n")
    node = f"{{ari: {{password: 'env:S'}}, ami: {{password: 'env:S'}}, include_dir: {tmp_path}/callctl.d}}"
    text = f"nodes: {{b: {node}}}\ntrunks: {{t: {{kind: ip, host: a.example, transport: tls, node: b}}}}\n"
    loaded = load(folder_of(tmp_path, text), environ={"S": "x"})
    assert bool(loaded.warnings) is warned


WORDS = st.sampled_from(
    [
        *("queues", "menus", "agents", "phones", "trunks", "numbers", "nodes", "emergency", "features", "http", "log"),
        *("lease", "country", "main", "sales", "a", "1", "*", "#", "~", "true", "null", "200", "+442079460000", "112"),
        *("*45", "20s", "prompts", "options", "give_up", "menu", "queue", "hang_up", "announce", "then", "priority"),
        *("match", "ari", "ami", "password", "file:x", "env:S", "kind", "ip", "register", "existing", "host"),
        *("endpoint", "extension", "name", "phone", "campaigns", "mode", "predictive", "harbour", "caller_ids"),
        *("nailed_up", "opt_out", "rule_sets", "rules", "detection", "dialing", "keep_free", "number", "outside"),
        *("trunk", "flows", "flow", "nodes", "start", "play", "gather", "into", "branch", "value", "is", "set", "goes"),
        *(
            "return",
            "language",
            "languages",
            "values",
            "call",
            "lookup",
            "say",
            "of",
            "confirm",
            "hours",
            "{x}",
            "sound:a",
        ),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


def loads_or_tells(folder: Path) -> None:
    try:
        load(folder, folder, environ={"S": "x"})
    except SettingsError as error:
        problems = error.problems
    else:
        return
    assert problems
    for problem in problems:
        assert str(problem).isprintable()
        assert problem.right


@given(data=st.binary(max_size=80) | st.text(max_size=80).map(lambda text: text.encode("utf-8", "replace")))
@settings(deadline=None)
def test_any_bytes_are_settings_or_told(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    loads_or_tells(folder_of(tmp_path_factory.mktemp("any"), data))


@given(sections=st.dictionaries(WORDS, VALUES, max_size=5))
@settings(deadline=None)
def test_any_values_are_settings_or_told(tmp_path_factory: pytest.TempPathFactory, sections: dict[str, object]) -> None:
    folder = folder_of(tmp_path_factory.mktemp("any"), yaml.safe_dump(sections, allow_unicode=True))
    loads_or_tells(folder)


NODE_VALUES = st.dictionaries(WORDS, VALUES | st.dictionaries(WORDS, WORDS, max_size=3), max_size=5)


@given(flow=st.dictionaries(WORDS, VALUES, max_size=3), nodes=st.dictionaries(WORDS, NODE_VALUES, max_size=4))
@settings(deadline=None)
def test_any_flow_is_settings_or_told(
    tmp_path_factory: pytest.TempPathFactory, flow: dict[str, object], nodes: dict[str, object]
) -> None:
    flows = {"numbers": {"200": {"flow": "main"}}, "flows": {"main": {**flow, "nodes": nodes}, "sales": flow}}
    loads_or_tells(folder_of(tmp_path_factory.mktemp("any"), yaml.safe_dump(flows, allow_unicode=True)))


@given(tokens=st.lists(WORDS | st.sampled_from(list(":{}[],&*!|>%@-?\t\n \"'")), max_size=40))
@settings(deadline=None)
def test_any_tokens_are_settings_or_told(tmp_path_factory: pytest.TempPathFactory, tokens: list[str]) -> None:
    folder = folder_of(tmp_path_factory.mktemp("any"), "".join(tokens))
    loads_or_tells(folder)


def test_a_secret_that_nobody_can_look_for_is_told(tmp_path: Path) -> None:
    name = "a" * 300
    said = messages(folder_of(tmp_path, f'database: {{url: "file:{name}"}}\n'))
    wrong = f"database.url: {name} cannot be read (File name too long)"
    assert said == [f"a.yaml:1:17: {wrong}; make it readable for callctl alone"]


def test_secrets_are_made_even_where_other_things_are_wrong(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "phones: {p: {password: file:s/p, foo: 1}, q: [password], r: {password: 'file:'}}\n")
    (folder / "broken.yaml").write_text("{")
    assert [path.name for path in create_missing(folder)] == ["p"]
