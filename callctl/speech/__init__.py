"""Texts made into files that Asterisk plays: built once, whole or not at all."""

from callctl.speech.espeak import EspeakNg
from callctl.speech.files import build, is_built, sweep
from callctl.speech.port import Speech, SpeechError

__all__ = ["EspeakNg", "Speech", "SpeechError", "build", "is_built", "sweep"]
