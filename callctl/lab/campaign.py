"""The demo's campaign: its configuration over config/, its list, its agents, its life."""

from __future__ import annotations

import asyncio
from typing import Any

from callctl.lab.customers import Customers, write_list
from callctl.lab.house import House, Overlay

CAMPAIGN = "demo"
AGENTS = ("agent21", "agent22", "agent23")
"""Of config/: nailed up, and in no other queue than `outbound`."""
PEOPLE = 200
ENDING = 120.0
"""Seconds within which the last of its calls ends: it rings, is found out, and talks."""

_ALWAYS = {
    "kind": "calling_hours",
    "week": {"mon-sat": ["00:00-24:00"], "sun": ["00:00-24:00"]},
    "source": "the demo calls nobody who exists",
    "verified": True,
}
CHANGES: Overlay = {
    "queues": {"outbound": {"wrap_up": "2s", "hours": None, "closed": None}},
    "rule_sets": {"gb-house": {"rules": {"hours": _ALWAYS}}},
    "trunks": {"carrier": {"calls_a_day": 0}},
    "campaigns": {
        CAMPAIGN: {
            "kind": "service",
            "mode": "predictive",
            "queue": "outbound",
            "trunks": ["carrier"],
            "caller_ids": [{"number": "+442079460003", "verified": "the demo"}],
            "ring_timeout": "15s",
            "harbour": "sorry",
            "detection": {"machine": "message", "message": ["sound:queue-thankyou", "sound:demo-thanks"]},
            "retries": {
                "busy": {"delay": "1m", "most": 3},
                "no_answer": {"delay": "1m", "most": 2},
                "failed": {"delay": "1m", "most": 3},
                "invalid": {"delay": "1m", "most": 2, "number": "next"},
                "machine": None,
                "refused": None,
                "abandoned": None,
            },
            "after_conversation": "0s",
        }
    },
}
"""Its hours never end and its retries are short; all else that the law of config/ says holds."""


class Campaign:
    """Runs beside the queues."""

    def __init__(self, house: House, *, seed: int) -> None:
        self._house = house
        self.customers = Customers(house.network, count=PEOPLE, seed=seed)

    async def take_list(self) -> None:
        """Import the list, as people do. HouseError: it was refused."""
        path = self._house.folder / "people.csv"
        write_list(path, self.customers.people)
        await self._house.daemon.command("contacts", "import", "--campaign", CAMPAIGN, str(path))

    async def staff(self) -> None:
        """Its agents log in, and pick up: their lines stay open."""
        daemon = self._house.daemon
        await asyncio.gather(*(daemon.post("agents", name, "login") for name in AGENTS))
        for name in AGENTS:
            await daemon.until(f"the line of {name} to be open", ("agents", name), lambda it: it["line"] == "open", 30)

    async def run(self, stop: asyncio.Event) -> None:
        """Dial until told to stop, and see the last call to its end."""
        daemon, over = self._house.daemon, asyncio.Event()
        answering = asyncio.create_task(self.customers.answer(over))
        try:
            await daemon.insist("campaigns", CAMPAIGN, "start")
            await stop.wait()
            await daemon.insist("campaigns", CAMPAIGN, "stop")
            await daemon.until("the campaign's last call to end", ("calls",), _nobody_is_called, ENDING)
        finally:
            over.set()
            await answering


def _nobody_is_called(answer: dict[str, Any]) -> bool:
    return not any(call["campaign"] == CAMPAIGN for call in answer["calls"])
