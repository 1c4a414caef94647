"""What can go wrong with the store, in words for the operator."""

from __future__ import annotations


class StoreError(Exception):
    """The store cannot be used; the text says why and what would help, and holds no secret."""


class MigrationError(StoreError):
    """The database's schema is not one that this code can bring up to date."""


class DeposedError(StoreError):
    """Another callctl has taken over this database: this one must stop."""
