"""A SIP phone by hand: it registers as a phone does, then answers what it is told to, or nothing at all.

For what the simulator's phones cannot do: go silent while registered, or redirect with nonsense.
"""

import hashlib
import re

from callctl.lab.phones import Account
from callctl.lab.ports import HOST
from callctl.lab.rawsip import RawSip, Responder, reply


def answering(status: str | None, extra: list[bytes] | None = None) -> Responder:
    """Answers OPTIONS with 200, and INVITE with `status` (None: not at all)."""

    def respond(request: bytes) -> bytes | None:
        if request.startswith(b"OPTIONS"):
            return reply(request, "200 OK")
        if request.startswith(b"INVITE") and status is not None:
            return reply(request, status, extra)
        if request.startswith(b"CANCEL"):
            return reply(request, "200 OK")
        return None

    return respond


def silent(request: bytes) -> None:
    """Answers nothing: the phone's cable is out, while its registration still stands."""


class RawPhone:
    """`sip.respond` is what it does; until changed it takes no call (486) but is reachable."""

    def __init__(self, sip: RawSip, account: Account, node_sip: int) -> None:
        self.sip = sip
        self.account = account
        self.node_sip = node_sip

    @classmethod
    async def open(cls, account: Account, node_sip: int) -> "RawPhone":
        """A phone that is registered for two minutes."""
        phone = cls(await RawSip.open(), account, node_sip)
        phone.sip.respond = answering("486 Busy Here")
        await phone.register()
        return phone

    def close(self) -> None:
        self.sip.close()

    @property
    def invites(self) -> list[bytes]:
        """The INVITEs that came, each once."""
        return list({call_id(m): m for m in self.sip.received if m.startswith(b"INVITE")}.values())

    async def register(self, expires: int = 120) -> None:
        """Register with the account's password (0 seconds: unregister). RuntimeError when refused."""
        first = self._send_register(expires, b"")
        challenge = await self.sip.wait(lambda m: m.startswith(b"SIP/2.0 401") and call_id(m) == first)
        second = self._send_register(expires, self._credentials(challenge))
        answer = await self.sip.wait(lambda m: m.startswith(b"SIP/2.0") and call_id(m) == second)
        if not answer.startswith(b"SIP/2.0 200"):
            raise RuntimeError(answer.split(b"\r\n", 1)[0].decode())

    async def subscribe(self, event: str, accept: str, wants: bytes = b"200") -> bytes:
        """SUBSCRIBE to an event package of its own; the Call-ID. RuntimeError: the answer's status is not `wants`."""
        first = self._send_subscribe(event, accept, b"")
        answer = await self.sip.wait(lambda m: m.startswith(b"SIP/2.0") and call_id(m) == first)
        if answer.startswith(b"SIP/2.0 401"):
            first = self._send_subscribe(event, accept, self._credentials(answer, "SUBSCRIBE"))
            answer = await self.sip.wait(lambda m: m.startswith(b"SIP/2.0") and call_id(m) == first)
        if not answer.startswith(b"SIP/2.0 " + wants):
            raise RuntimeError(answer.split(b"\r\n", 1)[0].decode())
        return first

    def _send_subscribe(self, event: str, accept: str, authorization: bytes) -> bytes:
        name = self.account.name
        address = f"<sip:{name}@{HOST}:{self.node_sip}>".encode()
        lines = [b"From: " + address + b";tag=sub", b"To: " + address, b"Expires: 120"]
        lines += [f"Event: {event}".encode(), f"Accept: {accept}".encode()]
        if authorization:
            lines.append(authorization)
        return self.sip.request("SUBSCRIBE", name, self.node_sip, lines)

    def _send_register(self, expires: int, authorization: bytes) -> bytes:
        name = self.account.name
        address = f"<sip:{name}@{HOST}:{self.node_sip}>".encode()
        lines = [b"From: " + address + b";tag=raw", b"To: " + address, f"Expires: {expires}".encode()]
        if authorization:
            lines.append(authorization)
        return self.sip.request("REGISTER", name, self.node_sip, lines)

    def _credentials(self, challenge: bytes, method: str = "REGISTER") -> bytes:
        """RFC 2617 without qop, or with qop=auth."""
        given = {
            key.decode(): value.decode()
            for key, value in re.findall(rb'(realm|nonce|opaque|qop)="?([^",\r\n]*)"?', challenge)
        }
        name, uri = self.account.name, f"sip:{self.account.name}@{HOST}:{self.node_sip}"
        secret = _md5(f"{name}:{given['realm']}:{self.account.password}")
        request = _md5(f"{method}:{uri}")
        fields = {"username": name, "realm": given["realm"], "nonce": given["nonce"], "uri": uri}
        text = ""
        if "qop" in given:
            digest = _md5(f"{secret}:{given['nonce']}:00000001:c0ffee:auth:{request}")
            text = ', qop=auth, nc=00000001, cnonce="c0ffee"'
        else:
            digest = _md5(f"{secret}:{given['nonce']}:{request}")
        if "opaque" in given:
            fields["opaque"] = given["opaque"]
        quoted = ", ".join(f'{key}="{value}"' for key, value in fields.items())
        return f'Authorization: Digest {quoted}, response="{digest}"{text}'.encode()


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def call_id(message: bytes) -> bytes:
    """Empty: it has none."""
    match = re.search(rb"\r\nCall-ID:\s*(\S+)", message, re.IGNORECASE)
    return match[1] if match else b""
