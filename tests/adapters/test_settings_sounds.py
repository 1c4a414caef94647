"""Whether Asterisk has what a configuration plays."""

from __future__ import annotations

from pathlib import Path

import pytest

from callctl import cli
from callctl.core.spoken import Saying, needed
from callctl.settings import SettingsError, load

pytestmark = pytest.mark.adapter

CONFIG = """\
nodes: {pbx: {ari: {password: "env:S"}, ami: {password: "env:S"}, include_dir: callctl.d}}
trunks: {line: {kind: ip, host: sip.example, language: de}}
menus:
  main: {prompts: [sound:hello, sound:%(own)s, tone:ring], options: {1: {flow: tell}}, give_up: {hang_up: normal}}
numbers: {200: {menu: main}}
flows:
  tell:
    languages: [en, fr_CA]
    values: {n: number}
    nodes:
      a: {play: [sound:hello, {en: [sound:only-en], fr_CA: [sound:both]}, {say: number, of: "{n}"}], then: b}
      b: {play: [sound:gone], then: {hang_up: normal}}
"""


def written(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def said(folder: Path, sounds: Path) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(folder, environ={"S": "x"}, sounds=sounds)
    return [str(it).replace(f"{folder}/", "").replace(f"{sounds}/", "SOUNDS/") for it in caught.value.problems]


def test_what_is_missing_is_told_where_it_is_written(tmp_path: Path) -> None:
    folder, own = tmp_path / "config", tmp_path / "own"
    folder.mkdir()
    (folder / "a.yaml").write_text(CONFIG % {"own": own / "welcome"})
    english = [f"en/{name}.gsm" for name in needed("en", [Saying.NUMBER])]
    french = sorted(needed("fr", [Saying.NUMBER]))
    sounds = written(tmp_path / "sounds", "en/hello.wav", "de/hello.gsm", "fr/hello.ulaw", *english)
    written(sounds, "en/only-en.alaw", "fr_CA/both.wav", *(f"fr/{name}.gsm" for name in french[:-1]))
    assert said(folder, sounds) == [
        f"a.yaml:4:33: menus.main.prompts[1]: there is no file `{str(own / 'welcome')[:40]}…`; "
        "record it, with an ending that Asterisk plays",
        f"a.yaml:11:81: flows.tell.nodes.a.play[2].say: 1 of the sounds that may be needed for it in `fr_CA` have no "
        f"file: {french[-1]}; `callctl prompts missing --lang fr_CA` lists them with their texts",
        "a.yaml:12:18: flows.tell.nodes.b.play[0]: Asterisk has no sound `gone` in `en` and `fr_CA`; "
        "record it below SOUNDS/en",
    ]
    written(own, "welcome.wav")
    written(sounds, f"fr/{french[-1]}.g722", "en/gone.wav", "fr/gone.sln16")
    assert load(folder, environ={"S": "x"}, sounds=sounds).policy.flows.of
    (sounds / "de/hello.gsm").unlink()
    (problem,) = said(folder, sounds)
    assert problem.startswith("a.yaml:4:20: menus.main.prompts[0]: Asterisk has no sound `hello` in `de`")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--config", str(tmp_path), "--sounds", str(tmp_path / "gone")]) == 2
    assert capsys.readouterr().err == f"callctl: {tmp_path / 'gone'}: there is no such folder\n"
