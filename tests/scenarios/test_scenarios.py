"""Golden transcripts. `pytest tests/scenarios --rewrite` writes them as they are now: read the difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.transcript import Transcript, inputs

pytestmark = pytest.mark.scenario

FILES = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_happens_as_written(file: Path, request: pytest.FixtureRequest) -> None:
    text = file.read_text(encoding="utf-8")
    now = Transcript().play("\n".join(inputs(text)))
    if request.config.getoption("--rewrite"):
        file.write_text(now, encoding="utf-8")
        return
    assert now.splitlines() == text.splitlines(), "if this is meant: pytest tests/scenarios --rewrite"


def test_there_are_transcripts() -> None:
    assert len(FILES) >= 10


def test_a_line_that_nobody_understands_is_named() -> None:
    with pytest.raises(ValueError, match="line 2: '@1 the moon rises'"):
        Transcript().play("# a title\n@1 the moon rises\n")
