"""Settings: what a configuration becomes, and the sample in config/ as the first proof."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from callctl.asterisk import provision
from callctl.core.addresses import E164, Emergency, Extension, ShortCode
from callctl.core.campaigns import Mode
from callctl.core.ids import SECOND, AgentId, CampaignId, MailboxId, MenuId, NodeId, PhoneId, QueueId, TrunkId
from callctl.core.law import CallKind
from callctl.core.policy import (
    Announce,
    DefaultStatus,
    Feature,
    HangUp,
    HangupReason,
    OptOut,
    PhoneKind,
    ToMenu,
    ToQueue,
    TrunkKind,
    Voicemail,
)
from callctl.numbers import Numbering
from callctl.settings import (
    Secret,
    SettingsError,
    changed_headers,
    changes,
    create_missing,
    load,
    needs_restart,
    schema,
)
from callctl.settings.types import duration, duration_text

pytestmark = pytest.mark.adapter

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "config"
NODES = """\
nodes:
  pbx: {ari: {password: "env:ARI"}, ami: {password: "env:AMI"}, include_dir: etc/callctl.d}
"""
ENVIRON = {"ARI": "ari-pw", "AMI": "ami-pw", "SIP": "sip-pw", "DB": "postgresql://u:p@db/x"}


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """The sample's secrets, made beside the sample."""
    folder = write(tmp_path / "overlay", over="http: {port: 9799}\nnodes: {pbx: {include_dir: callctl.d}}\n")
    create_missing(SAMPLE, folder)
    return folder


def test_the_sample_is_a_small_call_centre(overlay: Path) -> None:
    loaded = load(SAMPLE, overlay, {})
    policy = loaded.policy
    odd = {warning.path.split(".")[0] for warning in loaded.warnings}
    assert odd == {"flows", "rule_sets"}  # no number leads to the flow; the others are in test_law.py
    assert policy.entries[E164("442079460000")] == ToMenu(MenuId("main"))
    assert policy.entries[Extension("200")] == ToMenu(MenuId("main"))
    assert isinstance(policy.unknown_number, Announce)
    menu = policy.menus[MenuId("main")]
    assert menu.options == {
        "1": ToQueue(QueueId("sales")),
        "2": ToQueue(QueueId("support")),
        "9": ToMenu(MenuId("main")),
        "0": ToQueue(QueueId("operator")),
    }
    assert [a.default for a in policy.agents.values()] == [DefaultStatus.AVAILABLE] * 6 + [DefaultStatus.LOGGED_OUT] * 5
    phone = policy.phones[PhoneId("phone103")]
    assert (phone.kind, phone.endpoint, phone.node) == (PhoneKind.PROVISIONED, "phone103", NodeId("pbx"))
    assert (phone.extension, phone.emergency_caller) == (Extension("103"), E164("442079460103"))
    trunk = policy.trunks[TrunkId("carrier")]
    assert (trunk.kind, trunk.emergency, trunk.numbers.country) == (TrunkKind.IP, True, "GB")
    assert policy.emergency.numbers == (Emergency("112"), Emergency("911"), Emergency("999"))
    assert policy.features == {
        "*45": Feature.LOGIN,
        "*46": Feature.LOGOUT,
        "*47": Feature.PAUSE,
        "*48": Feature.UNPAUSE,
        "*97": Feature.VOICEMAIL,
        **{f"*60{n}": Feature.DISPOSITION for n in range(1, 7)},
        "*70": Feature.SWITCH,
    }
    assert {it.code for it in policy.dispositions.values()} == {"", *(f"*60{n}" for n in range(1, 7))}
    numbering = Numbering.of(policy)
    assert numbering.parse("101") == Extension("101")
    assert numbering.parse("*45") == ShortCode("*45")
    phones = {f"phone:phone{i}" for i in (*range(101, 109), *range(121, 124))}
    assert set(loaded.secrets) == {*phones, "mailbox:100"}
    assert policy.mailboxes[MailboxId("100")].lamp == (PhoneId("phone101"),)
    assert loaded.daemon.http.port == 9799


def test_the_sample_has_a_campaign_of_each_way_to_dial(overlay: Path) -> None:
    policy = load(SAMPLE, overlay, {}).policy
    campaigns = policy.campaigns
    assert {name: it.mode for name, it in campaigns.items()} == {
        "spring": Mode.PREVIEW,
        "renewals": Mode.PREDICTIVE,
        "reminders": Mode.BROADCAST,
    }
    renewals, reminders = campaigns[CampaignId("renewals")], campaigns[CampaignId("reminders")]
    assert {a.nailed_up for a in policy.agents.values() if renewals.queue in a.queues} == {True}
    for menu in (renewals.harbour, reminders.message):
        assert menu is not None
        assert isinstance(policy.menus[menu].options["9"], OptOut)
    assert renewals.detection is not None
    assert reminders.kind is CallKind.SERVICE
    assert {name for name, a in policy.agents.items() if a.nailed_up} == {"agent21", "agent22", "agent23"}


def test_the_schema_for_editors_is_current() -> None:
    assert schema.FILE.read_text(encoding="utf-8") == schema.text(), "python -m callctl.settings.schema"


def test_defaults_of_a_small_configuration(tmp_path: Path) -> None:
    loaded = load(write(tmp_path / "c", a=NODES), environ=ENVIRON)
    daemon, policy = loaded.daemon, loaded.policy
    assert daemon.nodes[NodeId("pbx")].include_dir == tmp_path / "c/etc/callctl.d"
    assert daemon.nodes[NodeId("pbx")].ari.password.reveal() == "ari-pw"
    assert daemon.nodes[NodeId("pbx")].ami.password == Secret("ami-pw")
    assert (daemon.http.host, daemon.http.port) == ("127.0.0.1", 9710)
    assert daemon.database.url is None
    assert daemon.database.data_dir == Path("/var/lib/callctl/postgres")
    assert policy.default_node == NodeId("pbx")
    assert policy.unknown_number == HangUp(HangupReason.UNALLOCATED)
    assert (policy.lease, policy.lease_renewal) == (90 * SECOND, 30 * SECOND)


def test_text_stays_the_text_that_was_written(tmp_path: Path) -> None:
    text = NODES + (
        "country: NO\n"
        "queues: {on: {}, 007: {}}\n"
        "phones: {1e3: {kind: existing, extension: 0101}}\n"
        "agents: {off: {name: 22:00, phone: 1e3, queues: [on, 007]}}\n"
    )
    policy = load(write(tmp_path / "c", a=text), environ=ENVIRON).policy
    assert policy.country == "NO"
    assert list(policy.queues) == ["on", "007"]
    assert policy.phones[PhoneId("1e3")].extension == Extension("0101")
    assert policy.agents[AgentId("off")].name == "22:00"


def test_files_are_merged_by_key(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "c",
        a=NODES + "queues: {sales: {}}\nshort_codes: [118500]\ntrunks:\n",
        b="queues: {support: {wrap_up: 1m30s}}\nshort_codes: [118600]\n",
    )
    (folder / ".hidden.yaml").write_text("{{{")
    (folder / "notes.txt").write_text("{{{")
    policy = load(folder, environ=ENVIRON).policy
    assert list(policy.queues) == ["sales", "support"]
    assert policy.queues[QueueId("support")].wrap_up == 90 * SECOND
    assert policy.short_codes == (ShortCode("118500"), ShortCode("118600"))


def test_an_overlay_wins_key_by_key(tmp_path: Path) -> None:
    base = write(
        tmp_path / "c",
        a=NODES + "http: {host: 127.0.0.2, port: 1}\nqueues: {sales: {wrap_up: 3s, music: jazz}, support: {}}\n",
    )
    over = write(
        tmp_path / "o",
        x="http: {port: 2}\nqueues: {sales: {wrap_up: 4s}, support: null, more: {}}\n"
        "nodes: {pbx: {ari: {url: http://127.0.0.1:9/ari}}}\n",
    )
    loaded = load(base, over, ENVIRON)
    assert (loaded.daemon.http.host, loaded.daemon.http.port) == ("127.0.0.2", 2)
    assert loaded.daemon.nodes[NodeId("pbx")].ari.url == "http://127.0.0.1:9/ari"
    assert list(loaded.policy.queues) == ["sales", "more"]
    assert loaded.policy.queues[QueueId("sales")].wrap_up == 4 * SECOND
    assert loaded.policy.queues[QueueId("sales")].music == "jazz"


def test_a_mistake_in_the_overlay_is_told_there(tmp_path: Path) -> None:
    base = write(tmp_path / "c", a=NODES)
    over = write(tmp_path / "o", x="\nhttp: {port: x}\n")
    with pytest.raises(SettingsError) as caught:
        load(base, over, ENVIRON)
    assert str(caught.value).startswith(f"{over}/x.yaml:2:14: http.port: ")


def test_secrets_are_made_once_and_for_us_alone(tmp_path: Path) -> None:
    text = (
        "nodes: {pbx: {ari: {password: file:s/ari}, ami: {password: file:s/ami}}}\n"
        "phones: {p: {password: file:s/p}, q: {password: 'env:SIP'}}\n"
        "trunks: {t: {kind: register, host: a.example, username: u, password: file:s/t}}\n"
    )
    folder = write(tmp_path / "c", a=text)
    made = create_missing(folder)
    assert [path.name for path in made] == ["ari", "ami", "p"]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in made)
    assert create_missing(folder) == []
    (folder / "s/t").write_text("from the carrier\n")
    (folder / "s/t").chmod(0o600)
    loaded = load(folder, environ=ENVIRON)
    assert loaded.secrets["trunk:t"].reveal() == "from the carrier"
    assert loaded.secrets["phone:q"].reveal() == "sip-pw"
    assert len(loaded.secrets["phone:p"].reveal()) == 20
    assert len({secret.reveal() for secret in loaded.secrets.values()}) == 3


def test_a_pin_is_made_of_digits(tmp_path: Path) -> None:
    box = "mailboxes: {100: {name: Reception, pin: file:s/100, lamp: [ana, p2, p1]}}\n"
    people = """
agents: {ana: {name: Ana, phone: p1, queues: []}}
phones: {p1: {password: "env:SIP"}, p2: {password: "env:SIP"}}
numbers: {"200": {voicemail: 100}, "201": {voicemail: "100@callctl"}, "202": {voicemail: "100@default"}}
voicemail: {silence: 1500ms}
"""
    folder = write(tmp_path, nodes=NODES, a=box, b=people)
    (pin,) = [path for path in create_missing(folder) if path.name == "100"]
    assert re.fullmatch("[0-9]{6}\n", pin.read_text())
    loaded = load(folder, environ=ENVIRON)
    assert loaded.secrets["mailbox:100"].reveal() == pin.read_text().strip()
    policy = loaded.policy
    assert policy.mailboxes[MailboxId("100")].lamp == (PhoneId("p1"), PhoneId("p2"))
    assert policy.silence == 1_500_000
    assert [policy.entries[Extension(n)] for n in ("200", "201", "202")] == [
        Voicemail("100@callctl"),
        Voicemail("100@callctl"),
        Voicemail("100@default"),
    ]


def test_a_secret_is_never_printed(tmp_path: Path) -> None:
    text = NODES + "database: {url: 'env:DB'}\nphones: {p: {password: 'env:SIP'}}\n"
    loaded = load(write(tmp_path / "c", a=text), environ=ENVIRON)
    for value in ("sip-pw", "ari-pw", "u:p@"):
        assert value not in f"{loaded!r} {loaded.daemon} {loaded.secrets}"
    database = loaded.daemon.database.url
    assert database is not None
    assert database.reveal() == ENVIRON["DB"]


@pytest.mark.parametrize(
    ("content", "mode", "wrong"),
    [
        (None, 0o600, "there is no file {path}"),
        ("", 0o600, "{path} is empty"),
        ("\n", 0o600, "{path} is empty"),
        ("good\n", 0o644, "{path} is open to everybody (mode 0644); chmod 600 {path}"),
        ("two\nlines\n", 0o600, "{path} holds no usable secret"),
        ("nul\0", 0o600, "{path} holds no usable secret"),
        (" space", 0o600, "{path} holds no usable secret"),
        ("x" * 1025, 0o600, "{path} holds no usable secret"),
    ],
)
def test_bad_secret_files(tmp_path: Path, content: str | None, mode: int, wrong: str) -> None:
    folder = write(tmp_path / "c", a=NODES + "phones: {p: {password: file:pw}}\n")
    path = folder / "pw"
    if content is not None:
        path.write_text(content)
        path.chmod(mode)
    with pytest.raises(SettingsError) as caught:
        load(folder, environ=ENVIRON)
    expected = f"{folder}/a.yaml:3:24: phones.p.password: {wrong.format(path=path)}"
    assert str(caught.value).startswith(expected)


def test_an_unset_variable_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(write(tmp_path / "c", a=NODES), environ={"ARI": "x"})
    place = f"{tmp_path}/c/a.yaml:2:53: nodes.pbx.ami.password: "
    assert str(caught.value) == place + "the variable AMI is not set; set it for callctl, or name another"


def test_what_is_good_here_can_be_written_for_asterisk(tmp_path: Path, overlay: Path) -> None:
    text = NODES + (
        "phones: {'0': {password: 'env:SIP', extension: 10, codecs: [g722, opus], webrtc: true, max_contacts: 10},\n"
        "  a.b_c-d: {kind: existing, endpoint: X, extension: '000'}}\n"
        "trunks:\n"
        "  1.t: {kind: register, host: '::1', username: a+b@c.example, password: 'env:ODD', match: ['2001:db8::/32'],\n"
        "    transport: tls, srtp: true, nat: true, qualify: 0s, dtmf: auto, emergency: true}\n"
        "  2: {kind: ip, host: '[::2]', match: [192.0.2.1:5060, 192.0.2.0/24, '::1'], numbers: {country: GB}}\n"
        "features: {'#*#': login, '*1': voicemail}\n"
        "mailboxes: {007: {name: \"Zoë & Co. 'x' ${X} a:b/c#1\", pin: 'env:PIN', email: a+b@c.example,"
        " greeting: ['sound:a/b_c-1', 'sound:x'], beep: false, longest: 5s, shortest: 0s, lamp: ['0', a.b_c-d]}}\n"
        "emergency: {numbers: [112, 17]}\n"
        "short_codes: ['*2', 118500]\n"
        "numbers: {'+442079460000': {hang_up: busy}, 118500: {hang_up: busy}, 10000: {hang_up: busy}}\n"
    )
    environ = {**ENVIRON, "PIN": "0000", "ODD": 'a;b \\"#${x} [c]=>'}
    for loaded in (load(SAMPLE, overlay, {}), load(write(tmp_path / "c", a=text), environ=environ)):
        passwords = {name: secret.reveal() for name, secret in loaded.secrets.items()}
        secrets = provision.Secrets(
            {p: passwords[f"phone:{p}"] for p in loaded.policy.phones if f"phone:{p}" in passwords},
            {t: passwords[f"trunk:{t}"] for t in loaded.policy.trunks if f"trunk:{t}" in passwords},
            {m: passwords[f"mailbox:{m}"] for m in loaded.policy.mailboxes},
        )
        assert provision.files(loaded.policy, secrets, NodeId("pbx"))


def test_a_sip_password_fits_into_a_line(tmp_path: Path) -> None:
    folder = write(tmp_path / "c", a=NODES + "phones: {p: {password: 'env:SIP'}}\n")
    with pytest.raises(SettingsError) as caught:
        load(folder, environ={**ENVIRON, "SIP": "pässword"})
    wrong = "the secret it leads to is no SIP password; at most 128 printable ASCII characters"
    assert str(caught.value) == f"{folder}/a.yaml:3:24: phones.p.password: {wrong}"


def test_the_sha_names_what_is_said_not_how(tmp_path: Path) -> None:
    one = load(write(tmp_path / "1", a=NODES + "queues: {a: {}, b: {wrap_up: 60s}}\n"), environ=ENVIRON).policy
    two = load(
        write(tmp_path / "2", z=NODES, b="# other\nqueues: {b: {wrap_up: 1m}, a: {}}\n"),
        environ=ENVIRON,
    ).policy
    three = load(write(tmp_path / "3", a=NODES + "queues: {a: {}, b: {wrap_up: 61s}}\n"), environ=ENVIRON).policy
    assert one.sha == two.sha != three.sha
    assert len(one.sha) == 64


def test_a_sip_password_that_asterisk_would_cut_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "c", a=NODES + "phones: {p: {password: 'env:SIP'}}\n")
    with pytest.raises(SettingsError, match="begins with `>`"):
        load(folder, environ={**ENVIRON, "SIP": ">arrow"})


def test_what_a_reload_changes_is_said_line_by_line(tmp_path: Path) -> None:
    before = NODES + (
        "country: GB\n"
        "queues: {sales: {wrap_up: 10s}, old: {}}\n"
        'numbers: {"+442079460000": {queue: sales}, "300": {hang_up: busy}}\n'
        "menus: {m: {prompts: [sound:a], options: {1: {queue: sales}}, give_up: {hang_up: normal}}}\n"
        "phones: {p: {kind: existing, extension: 101}}\n"
        "agents: {a: {name: Ann, phone: p, queues: [sales]}}\n"
        "features: {'*45': login}\n"
        "emergency: {numbers: [112]}\n"
        "trunks: {x: {kind: ip, host: 192.0.2.1, emergency: true}, y: {kind: ip, host: 192.0.2.2}}\n"
    )
    after = NODES + (
        "country: GB\n"
        "queues: {sales: {wrap_up: 1m30s, after: {announce: [sound:b]}, after_share: 12.5%}, new: {}}\n"
        'numbers: {"+442079460000": {queue: sales, priority: 5}, "400": {announce: [sound:b]}}\n'
        "menus: {m: {prompts: [sound:a], options: {1: {queue: new}, 2: {queue: sales}},"
        " give_up: {hang_up: normal}}}\n"
        "phones: {p: {kind: existing, extension: 102}}\n"
        "agents: {a: {name: Ann, phone: p, queues: [sales, new], default: available}}\n"
        "features: {'*45': login, '*46': logout}\n"
        "emergency: {numbers: [112, 999]}\n"
        "trunks: {y: {kind: ip, host: 192.0.2.2}, x: {kind: ip, host: 192.0.2.1, emergency: true}}\n"
    )
    old = load(write(tmp_path / "1", a=before), environ=ENVIRON).policy
    new = load(write(tmp_path / "2", a=after), environ=ENVIRON).policy
    assert changes(old, old) == []
    assert changes(old, new) == [
        "number +442079460000: queue sales → queue sales at priority 5",
        "number 300: removed",
        "number 400: added (announce sound:b, then hang up (normal))",
        "menu m: option 1: queue sales → queue new",
        "menu m: option 2: added (queue sales)",
        "queue sales.wrap_up: 10s → 1m30s",
        "queue sales.after: hang up (normal) → announce sound:b, then hang up (normal)",
        "queue sales.after_share: 100% → 12.5%",
        "queue old: removed",
        "queue new: added",
        "agent a.queues: sales → sales, new",
        "agent a.default: logged_out → available",
        "phone p.extension: 101 → 102",
        "trunks: the order is now y, x",
        "feature code *46: added (logout)",
        "emergency.numbers: 112 → 112, 999",
    ]


def test_headers_for_lookups_are_secrets_and_no_part_of_the_policy(tmp_path: Path) -> None:
    text = NODES + "lookup_headers: {crm: {Authorization: 'env:SIP', X-Key: 'file:key'}, other: {X-Key: 'env:SIP'}}\n"
    folder = write(tmp_path, a=text)
    (folder / "key").write_text("k-1\n")
    (folder / "key").chmod(0o600)
    loaded = load(folder, environ=ENVIRON)
    assert {name: {k: v.reveal() for k, v in it.items()} for name, it in loaded.lookup_headers.items()} == {
        "crm": {"Authorization": "sip-pw", "X-Key": "k-1"},
        "other": {"X-Key": "sip-pw"},
    }
    assert "sip-pw" not in f"{loaded}"
    assert loaded.secrets == {}
    assert loaded.policy.sha == load(write(tmp_path, a=NODES), environ=ENVIRON).policy.sha
    assert changed_headers(loaded.lookup_headers, loaded.lookup_headers) == []
    new = {"crm": {"Authorization": Secret("another")}, "third": {"X-Key": Secret("x")}}
    assert changed_headers(loaded.lookup_headers, new) == [
        "lookup headers crm: changed",
        "lookup headers other: removed",
        "lookup headers third: added",
    ]


def test_a_header_s_value_is_ascii(tmp_path: Path) -> None:
    folder = write(tmp_path, a=NODES + "lookup_headers: {crm: {Authorization: 'env:KEY'}}\n")
    with pytest.raises(SettingsError) as caught:
        load(folder, environ={**ENVIRON, "KEY": "schlüssel"})
    assert "no header's value" in str(caught.value)
    assert "schl" not in str(caught.value)


def test_a_reload_says_on_which_days_hours_are_others(tmp_path: Path) -> None:
    calendar = 'calendars: {{o: {{zone: Europe/London, week: {{mon: ["08:00-18:00"]}}, dates: {{{}}}{}}}}}\n'
    old = load(write(tmp_path / "1", a=NODES + calendar.format("2026-12-24: []", "")), environ=ENVIRON).policy
    holidays = ", holidays: {country: GB, subdivision: ENG}"
    new = load(write(tmp_path / "2", a=NODES + calendar.format("2024-01-01: []", holidays)), environ=ENVIRON).policy
    assert changes(old, new) == [
        "calendar o: other dates: 2024-01-01, 2024-03-29, 2024-04-01, 2024-05-06, 2024-05-27, 2024-08-26, 2024-12-25, "
        "2024-12-26 and 144 more",
    ]


def test_what_needs_a_restart_is_said_without_secrets(tmp_path: Path) -> None:
    folder = write(tmp_path / "1", a=NODES)
    old = load(folder, environ=ENVIRON).daemon
    new = load(folder, environ={**ENVIRON, "ARI": "other"}).daemon
    assert needs_restart(old, old) == []
    assert needs_restart(old, new) == ["nodes: changed; takes effect at the next start"]


@pytest.mark.parametrize(
    ("text", "micros"),
    [("20s", 20 * SECOND), ("1h30m", 5400 * SECOND), ("500ms", SECOND // 2), ("0s", 0), ("2d", 172800 * SECOND)],
)
def test_lengths_of_time(text: str, micros: int) -> None:
    assert duration(text) == micros
    assert duration_text(micros) == text


@pytest.mark.parametrize("text", ["", "5", "s", "1.5s", "-5s", "5 s", "5S", "1h30", "٥s"])
def test_what_is_no_length_of_time(text: str) -> None:
    assert duration(text) is None


def test_the_environment_is_the_process_s_own_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    loaded = load(write(tmp_path / "c", a=NODES))
    assert loaded.daemon.nodes[NodeId("pbx")].ari.password.reveal() == os.environ["ARI"]


def test_texts_that_are_spoken_become_sounds_wherever_something_is_said(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        a=NODES
        + """
state_dir: /var/lib/callctl
speech: {seen_as: /sounds/, language: fr, voices: {fr: fr+f2}, speed: 120, command: /opt/bin/espeak-ng}
menus:
  m:
    prompts: [sound:a, {speak: {en: Welcome, fr: Bienvenue}}]
    invalid: [{speak: Non}]
    no_input: [{speak: Encore}]
    options:
      1: {announce: [{speak: Merci}, sound:b], then: {hang_up: normal}}
      2: {opt_out: [{speak: Fini}]}
      3: {opt_out: {withheld: [{speak: Inconnu}]}}
    give_up: {queue: q}
queues:
  q: {whisper: [{speak: Un appel}], words: {prompts: [[{speak: Patience}], []]}}
phones:
  out: {kind: outside, number: "+12125550123", confirm: [{speak: Tapez 1}]}
trunks: {t: {kind: ip, host: 192.0.2.1}}
""",
    )
    loaded = load(folder, None, ENVIRON)
    named = {it.text: f"sound:/sounds/{it.name}" for it in loaded.spoken}
    policy = loaded.policy
    menu, queue = policy.menus[MenuId("m")], policy.queues[QueueId("q")]
    assert menu.prompts == ("sound:a", named.pop("Bienvenue"))
    assert (menu.invalid, menu.no_input) == ((named.pop("Non"),), (named.pop("Encore"),))
    assert menu.options["1"] == Announce((named.pop("Merci"), "sound:b"), HangUp())
    assert menu.options["2"] == OptOut((named.pop("Fini"),))
    assert menu.options["3"] == OptOut(withheld=(named.pop("Inconnu"),))
    assert queue.whisper == (named.pop("Un appel"),)
    assert queue.words is not None
    assert queue.words.prompts == ((named.pop("Patience"),), ())
    assert policy.phones[PhoneId("out")].confirm == (named.pop("Tapez 1"),)
    assert named == {}
    assert {(it.voice, it.speed) for it in loaded.spoken} == {("fr+f2", 120)}
    assert (loaded.speech.folder, loaded.speech.command) == (Path("/var/lib/callctl/sounds"), "/opt/bin/espeak-ng")
    write(folder, b="speech: {folder: spoken}\n", a=(folder / "a.yaml").read_text().replace("seen_as: /sounds/, ", ""))
    moved = load(folder, None, ENVIRON)
    assert moved.speech.folder == folder / "spoken"
    assert str(moved.policy.menus[MenuId("m")].invalid[0]).startswith(f"sound:{folder}/spoken/non-")
    assert moved.spoken == loaded.spoken


def test_where_nothing_is_spoken_nothing_about_speech_matters(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, a=NODES + "speech: {folder: 'a,b', language: xx}\n"), None, ENVIRON)
    assert loaded.spoken == ()
