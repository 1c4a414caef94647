"""Whatever was spoken, as telephones hear it: 8 kHz, 16-bit, mono."""

from __future__ import annotations

import io
import math
import wave

import numpy as np
import numpy.typing as npt

from callctl.speech.port import SpeechError

RATE = 8000
"""Samples a second."""
MOST_SECONDS = 120
"""Of one text. A caller's lease lasts for three minutes of prompts (asterisk/prompts.py)."""
_CUTOFF = 3600
"""Hz; what is above would come back as other tones."""
_ZEROS = 24
"""Of the filter, to each side: 24 are as good as any ear."""
_HEARD = 300
"""Of 32,768: what stays below it all the time is silence (-40 dBFS)."""

Samples = npt.NDArray[np.float64]


def for_telephones(wav: bytes) -> bytes:
    """A WAV file of 8 kHz. SpeechError: this is no speech that can be used."""
    samples, rate = _read(wav)
    if len(samples) > MOST_SECONDS * rate:
        raise SpeechError(f"it lasts longer than {MOST_SECONDS} s; say it in fewer words, or in several prompts")
    if not len(samples) or float(np.abs(samples).max()) < _HEARD:
        raise SpeechError("nothing is heard of it")
    return _written(samples if rate == RATE else _resampled(samples, rate))


def _read(wav: bytes) -> tuple[Samples, int]:
    """Samples and their rate. What is written to a pipe does not know its length: its data ends where the file ends."""
    if wav[:4] != b"RIFF" or wav[8:12] != b"WAVE":
        raise SpeechError("what came is no WAV file")
    at, form = 12, b""
    while at + 8 <= len(wav):
        name, length = wav[at : at + 4], int.from_bytes(wav[at + 4 : at + 8], "little")
        body = wav[at + 8 : at + 8 + length]
        if name == b"fmt ":
            form = body
        if name == b"data":
            return np.frombuffer(body[: len(body) // 2 * 2], "<i2").astype(np.float64), _rate(form)
        at += 8 + length + length % 2
    raise SpeechError("what came is a WAV file without sound")


def _rate(form: bytes) -> int:
    kind, channels = int.from_bytes(form[0:2], "little"), int.from_bytes(form[2:4], "little")
    rate, bits = int.from_bytes(form[4:8], "little"), int.from_bytes(form[14:16], "little")
    if (kind, channels, bits) != (1, 1, 16) or not RATE <= rate <= 48_000:
        raise SpeechError("what came is not 16-bit mono of 8 to 48 kHz")
    return rate


def _resampled(samples: Samples, rate: int) -> Samples:
    """By a windowed sinc. The places between two samples that are asked for come again: one filter for each."""
    kinds = RATE // math.gcd(rate, RATE)
    count = len(samples) * RATE // rate
    reach = math.ceil(_ZEROS * rate / (2 * _CUTOFF))
    taps = np.arange(-reach, reach + 1)
    views = np.lib.stride_tricks.sliding_window_view(np.pad(samples, reach), len(taps))
    found = np.empty(count)
    for kind in range(min(kinds, count)):
        places = np.arange(kind, count, kinds) * rate
        away = taps - (kind * rate % RATE) / RATE
        kernel = np.sinc(2 * _CUTOFF / rate * away) * np.cos(np.pi / 2 * away / (reach + 1)) ** 2
        found[kind::kinds] = views[places // RATE] @ (kernel / kernel.sum())
    return found


def _written(samples: Samples) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes())
    return file.getvalue()
