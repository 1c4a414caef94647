"""What can be heard in recorded PCM: level, tones, and whether anything sounds at all.

Samples are signed 16-bit mono. Levels are dBFS: 0 is a full-scale square wave, a full-scale sine is -3.
"""

import array
import math
import sys
import wave
from dataclasses import dataclass, field
from pathlib import Path

SILENCE_DBFS = -50.0
_FLOOR_DBFS = -100.0
_WAV_HEADER = 44


@dataclass(frozen=True)
class Audio:
    """A piece of sound. `rate` is samples a second."""

    samples: "array.array[int]" = field(repr=False)
    rate: int = 8000

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    def between(self, start: float, end: float | None = None) -> "Audio":
        """The part from `start` to `end` seconds; negative values count from the end."""
        total = self.seconds
        first = total + start if start < 0 else start
        last = total if end is None else (total + end if end < 0 else end)
        return Audio(self.samples[max(0, int(first * self.rate)) : max(0, int(last * self.rate))], self.rate)

    def level(self) -> float:
        """RMS level in dBFS; -100 for silence or nothing."""
        if not self.samples:
            return _FLOOR_DBFS
        power = sum(s * s for s in self.samples) / len(self.samples)
        return max(_FLOOR_DBFS, 10 * math.log10(power / 32768**2)) if power else _FLOOR_DBFS

    def tone_share(self, hz: float) -> float:
        """The share (0 to 1) of the power that lies at `hz`, by Goertzel's algorithm over windows of 50 ms.

        A window as short as that is 20 Hz wide, so a jitter of the clock does no harm; windows of silence do not
        count.
        """
        size = self.rate // 20
        shares = []
        for start in range(0, len(self.samples) - size + 1, size):
            window = self.samples[start : start + size]
            energy = sum(s * s for s in window)
            if energy / size > (32768 * 10 ** (SILENCE_DBFS / 20)) ** 2:
                shares.append(_goertzel(window, hz, self.rate) / (energy * size / 2))
        return sum(shares) / len(shares) if shares else 0.0

    def has_tone(self, hz: float, share: float = 0.5) -> bool:
        """Whether the sound is mostly the tone `hz` (other sounds hold less than 1 - `share` of the power)."""
        return self.tone_share(hz) >= share

    def tone_seconds(self, hz: float, share: float = 0.5) -> float:
        """For how long, in all, the tone `hz` is the main sound."""
        step = 0.1
        count = int(self.seconds / step)
        return step * sum(self.between(i * step, (i + 1) * step).has_tone(hz, share) for i in range(count))

    def sound_seconds(self, threshold: float = SILENCE_DBFS) -> float:
        """For how long, in all, it is louder than `threshold` dBFS."""
        step = 0.1
        count = int(self.seconds / step)
        return step * sum(self.between(i * step, (i + 1) * step).level() > threshold for i in range(count))

    def sound_begins(self, threshold: float = SILENCE_DBFS) -> float | None:
        """After how many seconds it is first louder than `threshold` dBFS; None: never."""
        return next((0.05 * n for n, level in enumerate(self.loudness()) if level > threshold), None)

    def loudness(self) -> list[float]:
        """In dBFS, for each 50 ms."""
        step = 0.05
        return [self.between(i * step, (i + 1) * step).level() for i in range(int(self.seconds / step))]

    def likeness(self, other: "Audio") -> float:
        """How much the rise and fall of some part of it is that of `other`: 1 is the same, 0 nothing of it. Speech is
        known again so, whatever codec it came through."""
        theirs = other.loudness()
        shifted = [self.between(n * 0.01).loudness() for n in range(5)]  # the two need not begin at one moment
        spans = ((mine, at) for mine in shifted for at in range(len(mine) - len(theirs) + 1))
        return max((_correlation(mine[at : at + len(theirs)], theirs) for mine, at in spans), default=0.0)

    def is_silent(self, threshold: float = SILENCE_DBFS) -> bool:
        return self.sound_seconds(threshold) == 0.0


def _correlation(a: list[float], b: list[float]) -> float:
    """Pearson's."""
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    both = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    scale = math.sqrt(sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b))
    return both / scale if scale else 0.0


def _goertzel(window: "array.array[int]", hz: float, rate: int) -> float:
    """The squared magnitude of the DFT at `hz`."""
    coefficient = 2 * math.cos(2 * math.pi * hz / rate)
    before = last = 0.0
    for sample in window:
        before, last = last, sample + coefficient * last - before
    return last * last + before * before - coefficient * last * before


def read_wav(path: Path) -> Audio:
    """A WAV file, also one still being written, whose header does not know its length yet. Empty if there is none.

    ValueError for a format that is not 16-bit mono.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Audio(array.array("h"))
    if len(data) <= _WAV_HEADER:
        return Audio(array.array("h"))
    if data[:4] != b"RIFF" or data[22:24] != b"\x01\x00" or data[34:36] != b"\x10\x00":
        raise ValueError(f"{path.name} is not a 16-bit mono WAV file")
    samples = array.array("h")
    body = data[_WAV_HEADER:]
    samples.frombytes(body[: len(body) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    return Audio(samples, int.from_bytes(data[24:28], "little"))


def is_whole(path: Path) -> bool:
    """Whether a WAV file is there and was closed: the header's length, which is written last, is that of the file."""
    try:
        with path.open("rb") as file:
            header = file.read(8)
        return int.from_bytes(header[4:], "little") + 8 == path.stat().st_size
    except FileNotFoundError:
        return False


def tone(hz: float, seconds: float, amplitude: float = 0.5, rate: int = 8000) -> Audio:
    """A sine; `amplitude` 1 is full scale."""
    step = 2 * math.pi * hz / rate
    return Audio(
        array.array("h", (int(32767 * amplitude * math.sin(step * i)) for i in range(int(seconds * rate)))), rate
    )


def write_wav(path: Path, audio: Audio) -> None:
    with wave.open(str(path), "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(audio.rate)
        f.writeframes(audio.samples.tobytes())


def join(pieces: list[Audio]) -> Audio:
    """The pieces one after the other."""
    samples = array.array("h")
    for piece in pieces:
        samples.extend(piece.samples)
    return Audio(samples, pieces[0].rate if pieces else 8000)
