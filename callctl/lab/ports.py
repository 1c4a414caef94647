"""Free ports on the loopback interface."""

import random
import socket
from contextlib import ExitStack
from dataclasses import dataclass

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


def free_tcp() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.bind((HOST, 0))
        return int(s.getsockname()[1])


def free_sip() -> int:
    """A port free for UDP and TCP alike, on every interface: SIP listens on both."""
    for _ in range(100):
        with ExitStack() as stack:
            udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            udp.bind(("0.0.0.0", 0))
            port = int(udp.getsockname()[1])
            tcp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            try:
                tcp.bind(("0.0.0.0", port))
            except OSError:
                continue
            return port
    raise PortError("no port is free for both UDP and TCP")


def free_udp_range(size: int) -> int:
    """The first of `size` UDP ports in a row that are free now, below the range of ephemeral ports."""
    chooser = random.SystemRandom()
    for _ in range(100):
        first = chooser.randrange(10_000, 32_000 - size, 2)
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
    sip, sip2 = free_sip(), free_sip()
    while sip2 == sip:
        sip2 = free_sip()
    http = free_tcp()
    ami = free_tcp()
    while len({sip, sip2, http, ami}) < 4:
        http, ami = free_tcp(), free_tcp()
    first = free_udp_range(rtp_ports)
    return Ports(sip, sip2, http, ami, first, first + rtp_ports - 1)
