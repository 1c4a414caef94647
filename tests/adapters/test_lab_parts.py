"""The lab's parts that need no Asterisk: configuration text, ports, the mirror, versions, sound, hand-made SIP."""

from pathlib import Path

import pytest

from callctl.lab import install, mirror
from callctl.lab.audio import is_whole, join, read_wav, tone, write_wav
from callctl.lab.conf import ConfError, fill, override
from callctl.lab.node import REPOSITORY, NodeSecrets, shipped
from callctl.lab.ports import choose
from callctl.lab.rawsip import invite, reply

pytestmark = pytest.mark.adapter

CONF = "[general]\nport=5038 ; the usual\n\n[user]\nsecret => @SECRET@\n"


def test_override_sets_one_key_of_one_section() -> None:
    assert override(CONF, "general", "port", "9").splitlines()[1] == "port=9"
    assert override(CONF, "user", "port", "9").splitlines() == [*CONF.splitlines()[:4], "port=9", CONF.splitlines()[4]]
    assert "secret=x" in override(CONF, "user", "secret", "x")
    with pytest.raises(ConfError, match=r"no section \[nobody\]"):
        override(CONF, "nobody", "port", "9")


def test_fill_refuses_what_it_has_no_value_for_and_line_ends() -> None:
    assert "secret => s3" in fill(CONF, {"SECRET": "s3"})
    with pytest.raises(ConfError, match="@SECRET@"):
        fill(CONF, {})
    with pytest.raises(ConfError, match="line end"):
        fill(CONF, {"SECRET": "a\nb"})


def test_the_shipped_configuration_keeps_the_rules() -> None:
    """What asterisk-conf/ must say for safety; everything else is proven by running it."""
    files = shipped(REPOSITORY, NodeSecrets("ari", "ami"))
    for name, line in (
        ("asterisk.conf", "live_dangerously=no"),
        ("http.conf", "bindaddr=127.0.0.1"),
        ("http.conf", "sessionlimit=500"),
        ("manager.conf", "bindaddr=127.0.0.1"),
        ("manager.conf", "write=reporting"),
        ("manager.conf", "writetimeout=5000"),
        ("ari.conf", "websocket_write_timeout=5000"),
        ("modules.conf", "noload = bridge_native_rtp.so"),
        ("indications.conf", "country=uk"),  # of config/: GB
        ("indications.conf", "[uk]"),
        ("pjsip.conf", "endpoint_identifier_order=ip,username"),
        ("pjsip.conf", "#tryinclude callctl.d/pjsip.conf"),
        ("extensions.conf", "#tryinclude callctl.d/extensions.conf"),
    ):
        assert line in files[name].splitlines(), f"{name}: {line}"
    assert not [name for name, text in files.items() if "outbound_websocket" in text]


def test_ports_are_distinct_and_free() -> None:
    ports = choose(rtp_ports=20)
    assert len({ports.sip, ports.sip2, ports.http, ports.ami}) == 4
    assert ports.rtp_last - ports.rtp_first == 19


DEB822 = """\
Types: deb
URIs: https://other.example/node
Suites: nodistro
Components: main

Types: deb
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
 contrib

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main
"""
ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb https://other.example/apt cloud-sdk-bookworm main
deb http://security.example/debian bookworm-security main
deb [arch=amd64 signed-by=/x.gpg] http://old.example/debian bookworm main contrib
"""


def test_the_mirror_is_read_from_deb822_and_one_line_sources(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    with pytest.raises(mirror.MirrorError, match="no mirror"):
        mirror.debian_mirror(tmp_path)
    (tmp_path / "sources.list").write_text(ONE_LINE)
    assert mirror.debian_mirror(tmp_path) == "http://old.example/debian"
    (tmp_path / "sources.list.d" / "debian.sources").write_text(DEB822)
    assert mirror.debian_mirror(tmp_path) == "http://mirror.example/debian"


@pytest.mark.parametrize(
    ("version", "good"),
    [
        ("22.10.1", True),
        ("22.11.0", True),
        ("23.0.0", True),
        ("22.10.0", False),
        ("22.11.0-rc1", False),
        ("20.19.2", False),
        ("", False),
    ],
)
def test_usable_versions(version: str, good: bool) -> None:
    assert install.usable(version) is good


def test_an_ordinary_user_without_asterisk_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/asterisk" if name == "asterisk" else None)
    monkeypatch.setattr(install, "version_of", lambda command: "20.1.0")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(install.InstallError, match=r"the installed Asterisk is 20\.1\.0.*22\.10\.1 or newer"):
        install.ensure(tmp_path)


def test_an_installed_asterisk_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/asterisk")
    monkeypatch.setattr(install, "version_of", lambda command: "22.10.1")
    found = install.ensure(tmp_path)
    assert found.root is None
    first, inside = found.new_folder("node")
    assert first == inside
    assert first.is_dir()
    assert found.new_folder("node")[0] != first


def test_what_speaks_is_installed_though_the_package_lists_are_old_and_nothing_else_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []

    def run(what: str, command: list[str], log: Path) -> None:
        ran.append(command[1])
        if ran == ["install"] or broken:
            raise install.InstallError("no such package")

    monkeypatch.setattr("shutil.which", lambda name: None if name == "espeak-ng" else f"/usr/bin/{name}")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(install, "version_of", lambda command: "22.10.1")
    monkeypatch.setattr(install, "_run", run)
    broken = False
    install.ensure(tmp_path)
    assert ran == ["install", "update", "install"]
    broken = True
    assert install.ensure(tmp_path).version == "22.10.1"


def test_the_folder_of_a_process_that_is_gone_is_swept(tmp_path: Path) -> None:
    left = tmp_path / "node-999999999"
    left.mkdir()
    install.Installation("asterisk", "22.10.1", None, tmp_path).new_folder("node")
    assert not left.exists()


def test_what_a_rootfs_lacks(tmp_path: Path) -> None:
    """A package that was only unpacked, before something went wrong, is installed again."""
    status = tmp_path / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    entries = [f"Package: {name}\nStatus: install ok installed\nPriority: optional\n" for name in install.PACKAGES]
    status.write_text("\n".join(entries))
    assert install._lacking(tmp_path) == []
    status.write_text("\n".join(entries[:-1]) + f"\nPackage: {install.PACKAGES[-1]}\nStatus: install ok unpacked\n")
    assert install._lacking(tmp_path) == [install.PACKAGES[-1]]


def test_languages_are_linked_so_that_their_sounds_are_found_from_outside(tmp_path: Path) -> None:
    sounds = tmp_path / install.SOUNDS
    alternatives = tmp_path / "etc/alternatives"
    for folder in (sounds / "fr_CA_f_June", sounds / "en_US_f_Allison", alternatives, tmp_path / "var/lib/asterisk"):
        folder.mkdir(parents=True)
    (alternatives / "asterisk-prompt-fr").symlink_to("/usr/share/asterisk/sounds/fr_CA_f_June")
    (alternatives / "loop").symlink_to("/etc/alternatives/loop")
    links = {
        "fr": "/etc/alternatives/asterisk-prompt-fr", "en": "en_US_f_Allison", "it": "/etc/alternatives/none",
        "recordings": "/var/lib/asterisk", "loop": "/etc/alternatives/loop",
    }  # fmt: skip
    for name, target in links.items():
        (sounds / name).symlink_to(target)
    for _ in range(2):
        install.link_languages(tmp_path)
        assert {name: str((sounds / name).readlink()) for name in links} == {**links, "fr": "fr_CA_f_June"}
    assert {it.name for it in sounds.iterdir()} == {*links, "fr_CA_f_June", "en_US_f_Allison"}


def test_a_step_that_fails_says_what_it_printed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    with pytest.raises(install.InstallError, match=r"(?s)Building failed \(3\).*no such mirror"):
        install._run("Building", ["sh", "-c", "echo no such mirror; exit 3"], log)


def test_tones_are_told_apart() -> None:
    sound = join([tone(440, 0.5), tone(440, 0.3, amplitude=0), tone(800, 0.7)])
    assert sound.seconds == pytest.approx(1.5)
    assert sound.between(0, 0.5).has_tone(440)
    assert not sound.between(0, 0.5).has_tone(800)
    assert sound.between(-0.5).has_tone(800)
    assert sound.tone_seconds(440) == pytest.approx(0.5)
    assert sound.tone_seconds(800) == pytest.approx(0.7)
    assert sound.sound_seconds() == pytest.approx(1.2)
    assert tone(440, 1, amplitude=1).level() == pytest.approx(-3.0, abs=0.1)
    assert sound.between(0.5, 0.8).is_silent()


def test_a_recording_still_being_written_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    assert read_wav(path).seconds == 0
    assert not is_whole(path)
    write_wav(path, tone(600, 1))
    assert is_whole(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + bytes(4) + whole[8:40] + bytes(4) + whole[44:-1001])
    assert read_wav(path).has_tone(600)
    assert not is_whole(path)


def test_hand_made_sip_answers_with_the_headers_of_the_request() -> None:
    lines, sdp = invite(b'"A" <sip:1@x>', "5", 5060)
    request = b"\r\n".join([b"INVITE sip:5@x SIP/2.0", b"Via: SIP/2.0/UDP x", *lines, b"Call-ID: c", b"CSeq: 1 INVITE"])
    answer = reply(request + b"\r\n\r\n" + sdp, "302 Moved", [b"Contact: <sip:6@x>"])
    assert answer.startswith(b"SIP/2.0 302 Moved\r\nVia: SIP/2.0/UDP x\r\nFrom: ")
    assert b";tag=raw" in answer
    assert b"Contact: <sip:6@x>" in answer
