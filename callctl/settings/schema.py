"""JSON Schema of the configuration, for editors' completion. `python -m callctl.settings.schema` writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from callctl.settings.models import Document

FILE = Path(__file__).with_name("schema.json")


def text() -> str:
    """The schema as it is stored. Every file of the folder may hold any of the sections."""
    schema: dict[str, Any] = Document.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "callctl's configuration"
    schema["description"] = "One file of the folder that `callctl --config` names; all are merged by these keys."
    for section in schema["properties"].values():
        # `trunks:` with everything below it commented out is no mistake.
        section.pop("title", None)
    return json.dumps(schema, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> None:
    FILE.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
