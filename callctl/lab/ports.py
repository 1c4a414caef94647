"""Free ports on the loopback interface."""

import fcntl
import os
import random
import socket
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"


class PortError(RuntimeError):
    """No free port, or no free range, was found."""


@dataclass(frozen=True)
class Ports:
    """What one Asterisk listens on. `sip2` is a second SIP port (the simulator's phones); RTP is a range."""

    sip: int
    sip2: int
    http: int
    ami: int
    rtp_first: int
    rtp_last: int


SINGLES = range(24_000, 32_000)
"""Where single ports are taken from: below the ephemeral ports, which any connection may take in between."""
RANGES = range(10_000, 24_000)
"""Where ranges are taken from."""
_RESERVED: list[int] = []
"""Locks on the ports of this process: what several houses on one machine choose at the same time is not the same."""


def _reserve(port: int) -> bool:
    """Keep a port for this process as long as it lives; False: another process has it."""
    folder = Path(tempfile.gettempdir()) / f"callctl-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(folder / str(port), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return False
    _RESERVED.append(lock)
    return True


def _free(host: str, *kinds: socket.SocketKind) -> int:
    chooser = random.SystemRandom()
    for port in chooser.sample(SINGLES, 1_000):
        with ExitStack() as stack:
            try:
                for kind in kinds:
                    stack.enter_context(socket.socket(socket.AF_INET, kind)).bind((host, port))
            except OSError:
                continue
            if _reserve(port):
                return port
    raise PortError(f"no port from {SINGLES.start} to {SINGLES.stop - 1} is free")


def free_tcp() -> int:
    return _free(HOST, socket.SOCK_STREAM)


def free_sip() -> int:
    """A port free for UDP and TCP alike, on every interface: SIP listens on both."""
    return _free("0.0.0.0", socket.SOCK_DGRAM, socket.SOCK_STREAM)


def free_udp_range(size: int) -> int:
    """The first of `size` UDP ports in a row that are free now."""
    chooser = random.SystemRandom()
    for _ in range(100):
        first = chooser.randrange(RANGES.start, RANGES.stop - size, 2)
        with ExitStack() as stack:
            try:
                for port in range(first, first + size):
                    s = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                    s.bind(("0.0.0.0", port))
            except OSError:
                continue
            return first
    raise PortError(f"no {size} free UDP ports in a row")


def choose(rtp_ports: int = 400) -> Ports:
    """Ports for one Asterisk, none twice; `rtp_ports` is two for each media stream at a time."""
    first = free_udp_range(rtp_ports)
    return Ports(free_sip(), free_sip(), free_tcp(), free_tcp(), first, first + rtp_ports - 1)
