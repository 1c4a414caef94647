"""Asterisk's configuration files as text: setting one key of one section, filling in placeholders."""

import re


class ConfError(ValueError):
    """A section, key or placeholder that the file does not have."""


def override(text: str, section: str, key: str, value: str) -> str:
    """`text` with `key` of `[section]` set to `value`; a key that is not there is added to the section.

    Raises ConfError when there is no such section: an override that silently did nothing would leave a test
    on a production port.
    """
    lines = text.splitlines()
    start = _section_start(lines, section)
    end = next((i for i in range(start + 1, len(lines)) if lines[i].startswith("[")), len(lines))
    pattern = re.compile(rf"\s*{re.escape(key)}\s*=>?")
    setting = f"{key}={value}"
    for i in range(start + 1, end):
        if pattern.match(lines[i]):
            lines[i] = setting
            return "\n".join(lines) + "\n"
    lines.insert(start + 1, setting)
    return "\n".join(lines) + "\n"


def _section_start(lines: list[str], section: str) -> int:
    for i, line in enumerate(lines):
        if re.match(rf"\[{re.escape(section)}\]", line):
            return i
    raise ConfError(f"no section [{section}]")


def fill(text: str, values: dict[str, str]) -> str:
    """`text` with every `@NAME@` replaced; ConfError for one that has no value, or a value with a line end."""

    def one(match: re.Match[str]) -> str:
        name = match[1]
        if name not in values:
            raise ConfError(f"nothing to put in the place of @{name}@")
        if any(c in values[name] for c in "\r\n\0"):
            raise ConfError(f"a line end in the value of @{name}@")
        return values[name]

    return re.sub(r"@([A-Z][A-Z0-9_]*)@", one, text)
