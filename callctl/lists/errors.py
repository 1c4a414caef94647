"""What makes a whole list unusable; a row that cannot be taken is a `Refusal` instead."""

from __future__ import annotations


class ListError(Exception):
    """The file, or what was asked about it, cannot be used. Its text says what would be right."""
