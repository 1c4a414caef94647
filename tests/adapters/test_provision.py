"""What is written for Asterisk: golden files, refusals, and files that are replaced in one step."""

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.asterisk.provision import (
    EXTENSIONS,
    PJSIP,
    VOICEMAIL,
    ProvisionError,
    Secrets,
    client_uri,
    files,
    modules_of,
    write_if_changed,
)
from callctl.core.addresses import E164, Emergency, Extension
from callctl.core.ids import SECOND, MailboxId, NodeId, PhoneId, QueueId, TrunkId
from callctl.core.policy import (
    DidFrom,
    EmergencyPolicy,
    Feature,
    MailboxPolicy,
    NumberRules,
    OutsideNumber,
    PhoneKind,
    PhonePolicy,
    Policy,
    ToQueue,
    Transport,
    TrunkKind,
    TrunkPolicy,
)

pytestmark = pytest.mark.adapter

GOLDEN = Path(__file__).parent / "data"
NODE, OTHER = NodeId("pbx"), NodeId("other")
ANNA = PhonePolicy(
    PhoneId("anna"), PhoneKind.PROVISIONED, "anna", NODE, Extension("101"), E164("33123456701"), max_contacts=1
)
WEB = PhonePolicy(PhoneId("web"), PhoneKind.PROVISIONED, "web", NODE, None, webrtc=True)
KEPT = PhonePolicy(PhoneId("kept"), PhoneKind.EXISTING, "1003", NODE, Extension("103"))
CARRIER = TrunkPolicy(
    TrunkId("carrier"), TrunkKind.REGISTER, NODE, "sip.example.net", 5061, Transport.TLS, "acme",
    numbers=NumberRules("FR", "+", DidFrom.TO), nat=True, srtp=True, trust_identity=True, emergency=True,
    qualify=60 * SECOND,
)  # fmt: skip
FIXED = TrunkPolicy(
    TrunkId("fixed"), TrunkKind.IP, NODE, "192.0.2.1", match=("192.0.2.0/28", "192.0.2.99:5070"),
    numbers=NumberRules("FR", "national"), qualify=0, max_channels=30, dtmf="info", emergency=True,
)  # fmt: skip
RECEPTION = MailboxPolicy(
    MailboxId("100"), "Réception (1er)", "sales@example.com", lamp=(PhoneId("anna"), PhoneId("web"))
)
NIGHT = MailboxPolicy(
    MailboxId("200"), "Night desk", "", ("sound:custom/closed", "sound:vm-intro"), False, 60 * SECOND, 0,
    (PhoneId("anna"), PhoneId("kept")),
)  # fmt: skip
POLICY = Policy(
    country="FR",
    entries={E164("33123456789"): ToQueue(QueueId("q")), Extension("8000"): ToQueue(QueueId("q"))},
    phones={p.id: p for p in (ANNA, WEB, KEPT, replace(ANNA, id=PhoneId("away"), endpoint="away", node=OTHER))},
    trunks={t.id: t for t in (CARRIER, FIXED)},
    features={"*45": Feature.LOGIN, "#1": Feature.LOGOUT, "*97": Feature.VOICEMAIL},
    mailboxes={box.id: box for box in (RECEPTION, NIGHT)},
    emergency=EmergencyPolicy((Emergency("112"), Emergency("15"))),
)
PINS = {MailboxId("100"): "471147", MailboxId("200"): "0815"}
SECRETS = Secrets(
    {PhoneId("anna"): "pass;--word #1", PhoneId("web"): "w" * 24, PhoneId("away"): "x"},
    {TrunkId("carrier"): "s3cret"},
    PINS,
)


@pytest.mark.parametrize("name", [PJSIP, EXTENSIONS, VOICEMAIL])
def test_the_files_are_as_reviewed(name: str, request: pytest.FixtureRequest) -> None:
    """`--rewrite` writes them as they are now; they were loaded by a real Asterisk (tests/e2e/test_link.py)."""
    golden, text = GOLDEN / f"generated-{name}", files(POLICY, SECRETS, NODE)[name]
    if request.config.getoption("--rewrite"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_nothing_of_another_node_is_written() -> None:
    text = files(POLICY, SECRETS, NODE)
    assert "away" not in text[PJSIP] + text[EXTENSIONS]
    assert "[away]" in files(POLICY, SECRETS, OTHER)[PJSIP]


def test_without_an_emergency_trunk_the_caller_hears_that_it_failed() -> None:
    bare = replace(POLICY, trunks={FIXED.id: replace(FIXED, emergency=False)})
    assert "NO_EMERGENCY_TRUNK" in files(bare, SECRETS, NODE)[EXTENSIONS]


def test_an_emergency_number_cannot_be_taken_by_an_extension() -> None:
    bad = replace(POLICY, phones={ANNA.id: replace(ANNA, extension=Extension("112"))})
    lines = [line for line in files(bad, SECRETS, NODE)[EXTENSIONS].splitlines() if line.startswith("exten => 112,1")]
    assert lines == ["exten => 112,1,Goto(callctl-emergency,112,1)"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"phone": {"endpoint": "anna\n[evil]"}}, "endpoint"),
        ({"phone": {"endpoint": "anna&x"}}, "endpoint"),
        ({"phone": {"id": PhoneId("a,b")}}, "name"),
        ({"phone": {"id": PhoneId("${X}")}}, "name"),
        ({"phone": {"extension": Extension("1,evil,1")}}, "extension"),
        ({"phone": {"extension": Extension("_.")}}, "extension"),
        ({"phone": {"emergency_caller": E164("33)x")}}, "emergency caller"),
        ({"phone": {"codecs": ("alaw\nx=y",)}}, "codec"),
        ({"phone": {"endpoint": "TRUNK-fixed"}}, "taken"),
        ({"trunk": {"host": "a b"}}, "host"),
        ({"trunk": {"host": "a;b"}}, "host"),
        ({"trunk": {"host": "x\r\ny"}}, "host"),
        ({"trunk": {"port": 70000}}, "port"),
        ({"trunk": {"match": ("10.0.0.1\n",)}}, "match"),
        ({"trunk": {"username": "a\nb"}}, "username"),
        ({"trunk": {"username": "nosecret"}}, "password"),
        ({"trunk": {"dtmf": "morse"}}, "dtmf"),
        ({"trunk": {"kind": TrunkKind.REGISTER}}, "username"),
        ({"secret": "a\nb"}, "password"),
        ({"secret": ""}, "password"),
        ({"secret": " leading"}, "password"),
        ({"secret": "é"}, "password"),
        ({"secret": ">leading"}, "password"),
        ({"policy": {"emergency": EmergencyPolicy((Emergency("11x"),))}}, "emergency number"),
        ({"policy": {"features": {"*4,5": Feature.LOGIN}}}, "feature code"),
        ({"box": {"id": MailboxId("_X")}}, "number"),
        ({"box": {"id": MailboxId("100,1")}}, "number"),
        ({"box": {"name": "a,b"}}, "name"),
        ({"box": {"name": "a|maxsecs=1"}}, "name"),
        ({"box": {"name": "a\n[x]"}}, "name"),
        ({"box": {"email": "a@b,c"}}, "email"),
        ({"box": {"email": "a|b@c"}}, "email"),
        ({"box": {"greeting": ("sound:a,b",)}}, "greeting"),
        ({"box": {"greeting": ("sound:${X}",)}}, "greeting"),
        ({"box": {"greeting": ("number:7",)}}, "greeting"),
        ({"pin": "12,34"}, "PIN"),
        ({"pin": "123"}, "PIN"),
        ({"pin": ""}, "PIN"),
    ],
)
def test_what_may_not_be_written_is_refused_by_name(change: dict[str, Any], complaint: str) -> None:
    phone, trunk = replace(ANNA, **change.get("phone", {})), replace(FIXED, **change.get("trunk", {}))
    box = replace(NIGHT, **change.get("box", {}))
    wrong = replace(POLICY, phones={phone.id: phone}, trunks={trunk.id: trunk}, mailboxes={box.id: box})
    wrong = replace(wrong, **change.get("policy", {}))
    secret, pin = change.get("secret", "good"), change.get("pin", "4711")
    with pytest.raises(ProvisionError, match=complaint) as caught:
        files(wrong, Secrets({phone.id: secret}, {}, {box.id: pin}), NODE)
    assert secret == "" or secret not in str(caught.value)
    assert pin == "" or pin not in str(caught.value)


def test_all_complaints_come_at_once() -> None:
    wrong = replace(POLICY, trunks={FIXED.id: replace(FIXED, host="a b", port=0, dtmf="x")})
    with pytest.raises(ProvisionError) as caught:
        files(wrong, SECRETS, NODE)
    assert len(caught.value.complaints) == 3


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_no_value_makes_a_line_of_its_own(endpoint: str, host: str, secret: str) -> None:
    phone, trunk = replace(ANNA, endpoint=endpoint), replace(FIXED, host=host, match=(host,))
    policy = replace(POLICY, phones={phone.id: phone}, trunks={trunk.id: trunk})
    try:
        text = files(policy, Secrets({phone.id: secret}, {}, PINS), NODE)
    except ProvisionError:
        return
    for line in "".join(text.values()).splitlines():
        assert line == "" or line[0] in ";[" or line.startswith(("exten => ", " same => ")) or "=" in line


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40), st.text(max_size=20))
def test_no_value_makes_a_mailbox_of_its_own(name: str, email: str, sound: str, pin: str) -> None:
    box = replace(NIGHT, name=name, email=email, greeting=(f"sound:{sound}",))
    try:
        text = files(replace(POLICY, mailboxes={box.id: box}), replace(SECRETS, mailboxes={box.id: pin}), NODE)
    except ProvisionError:
        return
    (line,) = [line for line in text[VOICEMAIL].splitlines() if "=>" in line]
    assert line.count(",") == 4
    assert line.startswith("200 => -")


def test_a_lamp_is_the_phones_own() -> None:
    """The key for voicemail dials the code; a phone that the operator keeps is not written."""
    sections = files(POLICY, SECRETS, NODE)[PJSIP].split("\n[")
    anna = [part for part in sections if part.startswith("anna]")]
    assert [part.count("mailboxes=100@callctl,200@callctl\n") for part in anna] == [1, 1, 0]
    assert "allow_subscribe=yes" in anna[0]
    assert "voicemail_extension=*97" in anna[0]
    assert all(
        "allow_subscribe=no" in part for part in sections if part.startswith("trunk-") and "type=endpoint" in part
    )


def test_who_has_one_mailbox_is_not_asked_which() -> None:
    lines = files(POLICY, SECRETS, NODE)[EXTENSIONS].splitlines()
    assert [line for line in lines if "VoiceMailMain" in line] == [
        f" same => n,VoiceMailMain({which}@callctl)" for which in ("", "100", "200")
    ]
    bare = files(replace(POLICY, mailboxes={}), SECRETS, NODE)
    assert "VoiceMailMain()" in bare[EXTENSIONS]
    assert "=>" not in bare[VOICEMAIL]


def test_secrets_are_not_printed() -> None:
    assert "s3cret" not in repr(SECRETS)
    assert "471147" not in repr(SECRETS)


def test_the_registration_is_named_as_ami_names_it() -> None:
    assert client_uri(CARRIER) == "sip:acme@sip.example.net:5061;transport=tls"


# ── files ────────────────────────────────────────────────────────────────────────────────────


def test_only_what_differs_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "callctl.d"
    assert write_if_changed(folder, {PJSIP: "a\n", EXTENSIONS: "b\n"}) == {PJSIP, EXTENSIONS}
    before = (folder / PJSIP).stat()
    assert stat.S_IMODE(before.st_mode) == 0o640
    assert write_if_changed(folder, {PJSIP: "a\n", EXTENSIONS: "c\n"}) == {EXTENSIONS}
    assert (folder / PJSIP).stat().st_mtime_ns == before.st_mtime_ns
    assert (folder / EXTENSIONS).read_text() == "c\n"
    assert sorted(p.name for p in folder.iterdir()) == [EXTENSIONS, PJSIP]


def test_a_reader_keeps_the_old_file(tmp_path: Path) -> None:
    write_if_changed(tmp_path, {PJSIP: "old"})
    with (tmp_path / PJSIP).open() as reader:
        write_if_changed(tmp_path, {PJSIP: "new"})
        assert reader.read() == "old"
    assert (tmp_path / PJSIP).read_text() == "new"


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        write_if_changed(tmp_path / "file" / "callctl.d", {PJSIP: "x"})
    with pytest.raises(OSError, match=r"there is no folder .*/asteriks to make callctl\.d in: is `include_dir` right"):
        write_if_changed(tmp_path / "asteriks" / "callctl.d", {PJSIP: "x"})
    assert not (tmp_path / "asteriks").exists()


def test_what_changed_is_reloaded() -> None:
    assert modules_of({EXTENSIONS}) == ("pbx_config.so",)
    assert modules_of({PJSIP, EXTENSIONS})[0] == "res_pjsip.so"
    assert modules_of(()) == ()


def test_an_emergency_call_back_comes_before_the_trunks_limit() -> None:
    text = files(POLICY, SECRETS, NODE)[EXTENSIONS]
    trunk = text[text.index("[callctl-trunk-fixed]") :]
    assert 0 < trunk.index("?callctl-call-back,s,1)") < trunk.index("?full)")


def test_a_number_outside_is_no_phone_of_asterisks_and_a_language_is_written() -> None:
    outside = OutsideNumber(E164("447912345678"), CARRIER.id, "+447912345678", "trunk-carrier")
    mobile = PhonePolicy(PhoneId("mobile"), PhoneKind.OUTSIDE, "mobile", NODE, outside=outside)
    web = replace(WEB, language="fr")
    policy = Policy(
        country="FR", phones={it.id: it for it in (mobile, web)}, trunks={FIXED.id: replace(FIXED, language="en_GB")}
    )
    written = files(policy, Secrets({web.id: "x"}), NODE)
    assert not any("mobile" in text for text in written.values())
    assert "language=fr" in written[PJSIP]
    assert "language=en_GB" in written[PJSIP]
    with pytest.raises(ProvisionError, match="language"):
        files(replace(policy, phones={web.id: replace(web, language="fr\nauth=x")}), Secrets({web.id: "x"}), NODE)
