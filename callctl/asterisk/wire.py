"""What goes over ARI's wire: a request, its reply, and the kinds of event that callctl asks for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

import msgspec

APP = "callctl"

ALLOWED = (
    "StasisStart",
    "StasisEnd",
    "ChannelStateChange",
    "ChannelDestroyed",
    "ChannelDtmfReceived",
    "ChannelUserevent",
    "PlaybackFinished",
    "Dial",
    "ApplicationReplaced",
    # Not an event, but replies pass the same filter: without it every one would vanish.
    "RESTResponse",
)
"""Everything else (ChannelVarset alone is more than half of all events) is never sent."""

Method = Literal["GET", "POST", "PUT", "DELETE"]


@dataclass(frozen=True, slots=True)
class Request:
    """One REST request. Parts of `path` and values of `query` are plain text: they are escaped when sent."""

    method: Method
    path: tuple[str, ...]
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] | None = None

    @property
    def uri(self) -> str:
        return "/".join(quote(part, safe="") for part in self.path)

    def frame(self, key: str) -> str:
        """As a REST-over-WebSocket message; `key` comes back with the reply."""
        frame: dict[str, Any] = {
            "type": "RESTRequest",
            "transaction_id": key,
            "request_id": key,
            "method": self.method,
            "uri": self.uri,
        }
        if self.query:
            frame["query_strings"] = [{"name": name, "value": value} for name, value in self.query]
        if self.body is not None:
            frame["content_type"] = "application/json"
            frame["message_body"] = _text(self.body)
        return _text(frame)


def _text(data: Mapping[str, Any]) -> str:
    return msgspec.json.encode(data).decode("utf-8")


@dataclass(frozen=True, slots=True)
class Reply:
    """A request's end. `status` is HTTP's; 0: no answer came, so whether it was done is unknown."""

    status: int
    text: str = ""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def unknown(self) -> bool:
        return self.status == 0

    def json(self) -> Any:
        """The decoded body; None when there is none or it is no JSON."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None


NO_ANSWER = Reply(0, "no answer")
OVERLOADED = Reply(0, "too many requests are waiting for an answer")
