"""Texts that callctl speaks: what callers hear of them on real Asterisk, and how another text comes into force."""

from __future__ import annotations

import asyncio

import pytest

from callctl.lab.audio import Audio, read_wav
from callctl.settings import load_spoken
from tests.e2e.floor import Caller, Floor
from tests.e2e.test_reload import Editor, editor  # noqa: F401 - a fixture

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SPOKEN_DID = "+442079460030"
WELCOME = "Welcome to Acme. For sales press one. For anything else, please stay on the line."
CHANGED = "We have moved. From today you reach us at another number, which you find on your invoice."
MERCI, THANKS = "Merci beaucoup de votre appel, et au revoir.", "Thank you very much indeed for calling, good bye."


def written(editor: Editor, text: str, **speech: object) -> None:  # noqa: F811
    """A menu that speaks, in force at the next reload."""

    def thanks() -> dict[str, object]:
        return {"announce": [{"speak": {"en": THANKS, "fr": MERCI}}], "then": {"hang_up": "normal"}}

    spoken = {"prompts": [{"speak": text}], "options": {1: thanks()}, "give_up": thanks(), "tries": 1, "timeout": "30s"}
    editor.write(menus={"spoken": spoken}, numbers={SPOKEN_DID: {"menu": "spoken"}}, speech=speech)


def built(floor: Floor, text: str) -> Audio:
    """The file of a text, as callctl has built it."""
    spoken, settings = load_spoken(floor.house.config, floor.house.overlay)
    (name,) = [it.name for it in spoken if it.text == text]
    audio = read_wav(settings.folder / f"{name}.wav")
    assert audio.rate == 8000
    return audio


async def hears(caller: Caller, whole: Audio, others: list[Audio]) -> None:
    """All of it, in its time, and nothing of the others."""
    await asyncio.sleep(whole.seconds)  # each look at a line that is up costs some milliseconds of its recording
    audio = await caller.line.wait_heard(
        lambda heard: heard.between(-0.4).is_silent() and heard.likeness(whole.between(0, 2)) > 0.9,
        "the text to its end",
        timeout=30,
        last=whole.seconds + 2,
    )
    assert audio.sound_seconds() == pytest.approx(whole.sound_seconds(), abs=0.5)
    assert all(audio.likeness(other.between(0, 2)) < 0.9 for other in others)


async def test_a_menu_speaks_and_another_text_is_spoken_after_a_reload(floor: Floor, editor: Editor) -> None:  # noqa: F811
    written(editor, WELCOME)
    code, out, err = await editor.callctl("reload")
    assert (code, err) == (0, ""), err
    assert "menu spoken: added" in out
    welcome, thanks = built(floor, WELCOME), built(floor, THANKS)
    first = await floor.call(SPOKEN_DID)
    await hears(first, welcome, [thanks])

    written(editor, CHANGED)
    code, out, err = await editor.callctl("reload")
    assert (code, err) == (0, ""), err
    assert "/we-have-moved-from-today-you-" in out
    changed = built(floor, CHANGED)
    second = await floor.call(SPOKEN_DID)
    await hears(second, changed, [welcome])
    await first.line.press("1")  # who came before is still served
    await first.line.wait_ended(timeout=20)
    assert (await first.line.heard()).likeness(thanks.between(0, 2)) > 0.9

    written(editor, CHANGED, language="fr", voices={"fr": "fr+f2"})
    assert (await editor.callctl("reload"))[0] == 0
    merci = built(floor, MERCI)
    third = await floor.call(SPOKEN_DID)
    await third.line.wait_heard(lambda heard: not heard.is_silent(), "the menu", last=0.5)
    await third.line.press("1")
    await third.line.wait_ended(timeout=20)
    heard = await third.line.heard()
    assert heard.likeness(merci.between(0, 2)) > 0.9
    assert heard.likeness(thanks.between(0, 2)) < 0.9


async def test_a_text_that_cannot_be_built_changes_nothing(floor: Floor, editor: Editor) -> None:  # noqa: F811
    written(editor, WELCOME)
    assert (await editor.callctl("reload"))[0] == 0
    before, welcome = await editor.in_force(), built(floor, WELCOME)
    written(editor, "Nobody has ever heard this.", command="/there/is/no/espeak-ng")
    code, _, err = await editor.callctl("reload")
    assert code == 2
    for said in ("`/there/is/no/espeak-ng` is not there", "apt-get install espeak-ng", "old configuration stays"):
        assert said in err
    assert await editor.in_force() == before
    caller = await floor.call(SPOKEN_DID)
    await hears(caller, welcome, [])
