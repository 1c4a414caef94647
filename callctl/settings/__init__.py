"""The operator's YAML: `load` reads a folder to core values, or raises every mistake at once."""

from callctl.settings.build import (
    AmiSettings,
    AriSettings,
    DaemonSettings,
    DatabaseSettings,
    HttpSettings,
    LogSettings,
    NodeSettings,
)
from callctl.settings.diff import changed_headers, changes, needs_restart, new_passwords
from callctl.settings.errors import Problem, SettingsError
from callctl.settings.loader import Loaded, load, load_policy, load_spoken
from callctl.settings.prompts import SpeechSettings
from callctl.settings.secrets import Secret, create_missing

__all__ = [
    "AmiSettings",
    "AriSettings",
    "DaemonSettings",
    "DatabaseSettings",
    "HttpSettings",
    "Loaded",
    "LogSettings",
    "NodeSettings",
    "Problem",
    "Secret",
    "SettingsError",
    "SpeechSettings",
    "changed_headers",
    "changes",
    "create_missing",
    "load",
    "load_policy",
    "load_spoken",
    "needs_restart",
    "new_passwords",
]
