"""What was meant by a state that does not exist."""

from __future__ import annotations

from callctl.settings.errors import shown
from callctl.settings.types import nearest
from callctl.states import STATES


def meant(country: str, state: str) -> str | None:
    """What would be right in place of this state; None: there is such a one, or nothing is known of the country's."""
    known = STATES.get(country)
    if known is None or state in known:
        return None
    if state.upper() in known:
        return f"did you mean {shown(state.upper())}?"
    codes = {name.lower(): code for code, name in known.items()}
    if (code := codes.get(state.lower())) is not None:
        return f"did you mean {shown(code)}?"
    return nearest(state, known)
