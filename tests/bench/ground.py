"""Where the two sides are measured: one node, one telephone network, 400 agents that both know.

The node is the product's own configuration with a queue, 400 endpoints and an AMI user added. callctl's callers come
from the telephone network's first SIP port, on the trunk that callctl itself has made; app_queue's come from its
second. The agents are the same PJSIP endpoints with the same static contacts.
"""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import Any

import yaml

from callctl.lab.conf import override
from callctl.lab.house import House
from callctl.lab.install import Installation
from callctl.lab.node import REPOSITORY
from callctl.lab.ports import HOST, free_udp_range
from tests.bench.delays import Delays, manager_conf

CONF = Path(__file__).parent / "conf"
QUEUE = "bench"
DIDS = {"app_queue": "+442079469001", "callctl": "+442079469002"}
OVER = {"app_queue": "node-queue", "callctl": "node"}
"""The simulator's endpoint that a side's callers dial over."""
RTP_PORTS = 4_000
SHIPPED = ("callctl.yaml", "trunks.yaml")


def agents(count: int) -> list[str]:
    return [f"bench-{number:04d}" for number in range(1, count + 1)]


RICH: dict[str, Any] = {
    "wrap_up": "0s",
    "weight": 2,
    "asks": [{"needs": {"english": 50}, "prefers": ["billing"]}, {"after": "10s"}],
    "words": {"first": "5s", "every": "20s", "position": True},
    "display": "{queue} {waited} {name}",
    "last_agent": "1h",
    "patience": "2s",
    "returns": "10m",
    "max_waiting": 5000,
    "staffed": "logged_in",
    "longest_wait": "10m",
    "exit_keys": {0: {"hang_up": "normal"}},
}
"""The queue with all of it on: skills, tiers, the last agent, words, limits."""


def write_config(folder: Path, count: int) -> None:
    """callctl's configuration: the shipped files where they do, and the agents."""
    folder.mkdir(parents=True)
    for name in SHIPPED:
        shutil.copy(REPOSITORY / "config" / name, folder / name)
    bench: dict[str, Any] = {
        "country": "GB",
        "numbers": {DIDS["callctl"]: {"queue": QUEUE}},
        "skills": {"english": "Speaks English", "billing": "Knows invoices"},
        "queues": {QUEUE: RICH},
        "phones": {name: {"kind": "existing"} for name in agents(count)},
        "agents": {
            name: {
                "name": name,
                "phone": name,
                "queues": [QUEUE],
                "default": "available",
                "skills": {"english": 50 + at % 50, **({"billing": at % 100} if at % 100 else {})},
                "penalties": {QUEUE: at % 3},
            }
            for at, name in enumerate(agents(count))
        },
        "emergency": {"numbers": ["112"]},
    }
    (folder / "bench.yaml").write_text(yaml.safe_dump(bench, sort_keys=False), encoding="utf-8")


def changes() -> dict[str, Any]:
    """No limit of the trunk, and the log as it is in production."""
    return {"trunks": {"carrier": {"max_channels": 0, "keep_free": 0}}, "log": {"level": "info"}}


class Ground:
    """The house of the bench. `folder` must be empty."""

    def __init__(self, installation: Installation, folder: Path, count: int) -> None:
        write_config(folder / "config", count)
        self.count = count
        self.house = House(installation, folder, changes(), config=folder / "config", phones=())
        self._secret = secrets.token_hex(16)
        self._prepare_node()
        self._prepare_network()

    def _prepare_node(self) -> None:
        node, phones = self.house.node, self.house.network.asterisk.ports.sip2
        members = "".join(f"member => PJSIP/{name}\n" for name in agents(self.count))
        _append(node.etc / "queues.conf", conf("node-queues.conf") + members)
        _append(node.etc / "extensions.conf", conf("node-extensions.conf"))
        _append(
            node.etc / "pjsip.conf",
            callers(phones, "bench-queue") + "".join(_agent(a, phones) for a in agents(self.count)),
        )
        _append(node.etc / "manager.conf", manager_conf(self._secret))
        node.override("manager.conf", "general", "timestampevents", "yes")
        first = free_udp_range(RTP_PORTS)
        node.override("rtp.conf", "general", "rtpstart", str(first))
        node.override("rtp.conf", "general", "rtpend", str(first + RTP_PORTS - 1))

    def _prepare_network(self) -> None:
        asterisk = self.house.network.asterisk
        _append(asterisk.etc / "extensions.conf", conf("simulator-extensions.conf"))
        _append(asterisk.etc / "phones.conf", _queue_line(self.house.node.ports.sip))
        # It tells only what the bench asks for: else its telling would be the greatest load of all.
        manager = (asterisk.etc / "manager.conf").read_text(encoding="utf-8")
        only = "read=user\neventfilter(action(include),name(UserEvent)) ="
        asterisk.write("manager.conf", manager.replace("read=call,user,dtmf,system", only))
        # No audio but where the bench asks for it: silence costs as much as speech.
        options = (asterisk.etc / "asterisk.conf").read_text(encoding="utf-8")
        asterisk.write("asterisk.conf", override(options, "options", "transmit_silence", "no"))
        first = free_udp_range(RTP_PORTS)
        rtp = f"[general]\nrtpstart={first}\nrtpend={first + RTP_PORTS - 1}\n"
        asterisk.write("rtp.conf", rtp)

    def delays(self) -> Delays:
        return Delays(self.house.node.ports.ami, self._secret)

    async def start(self) -> None:
        """Everything up but callctl, which has written its files: the node has read them."""
        await self.house.node.start()
        await self.house.start_daemon()
        await self.agents_reachable()
        await self.house.daemon.stop()
        await self.house.network.start()

    async def agents_reachable(self) -> None:
        """callctl knows that every agent can be rung, and that the trunk answers."""

        def reached(answer: dict[str, Any]) -> bool:
            return all(a["phone"]["state"] == "reachable" and a["state"] == "idle" for a in answer["agents"])

        await self.house.daemon.until("the agents to be reachable", ("agents",), reached, 60)

    async def stop(self) -> None:
        await self.house.stop()


def conf(name: str) -> str:
    return (CONF / name).read_text(encoding="utf-8")


def _append(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + "\n" + text, encoding="utf-8")


def _endpoint(name: str, transport: str, context: str, contact: str) -> str:
    return f"""
[{name}]
type=endpoint
transport={transport}
context={context}
disallow=all
allow=alaw,ulaw
direct_media=no
aors={name}
[{name}]
type=aor
contact={contact}
"""


def _agent(name: str, port: int) -> str:
    """An agent's phone: nobody asks whether it is there, so that both sides pay only for calls."""
    return _endpoint(name, "transport-udp", "callctl-no-forward", f"sip:{name}@{HOST}:{port}")


def callers(port: int, context: str) -> str:
    """Where the callers come from who do not go to callctl."""
    name = "bench-callers"
    identify = f"[{name}]\ntype=identify\nendpoint={name}\nmatch={HOST}:{port}\n"
    return _endpoint(name, "transport-udp", context, f"sip:{HOST}:{port}") + identify


def _queue_line(port: int) -> str:
    """The simulator's line for app_queue's callers."""
    return _endpoint(OVER["app_queue"], "transport-phones", "from-node", f"sip:{HOST}:{port}")
