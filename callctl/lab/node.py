"""The PBX that callctl drives, on this machine: asterisk-conf/ and dialplan/ as they are shipped, with free ports."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from callctl.lab.asterisk import Asterisk
from callctl.lab.conf import fill, override
from callctl.lab.install import Installation
from callctl.lab.ports import HOST, Ports, choose

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class NodeSecrets:
    """The passwords put into the configuration; made anew for every node."""

    ari: str
    ami: str


class Node(Asterisk):
    """An Asterisk on the project's configuration. callctl's user is `callctl` for ARI and AMI alike."""

    def __init__(self, installation: Installation, name: str = "node", repository: Path = REPOSITORY) -> None:
        ports = choose()
        self.secrets = NodeSecrets(secrets.token_hex(16), secrets.token_hex(16))
        super().__init__(installation, name, {}, ports)
        for path, text in shipped(repository, self.secrets).items():
            self.write(path, text)
        self._set_ports(ports)
        self.write("asterisk.conf", directories(self.inside) + self._read("asterisk.conf"))
        (self.etc / "callctl.d").mkdir(exist_ok=True)

    def _read(self, path: str) -> str:
        return (self.etc / path).read_text(encoding="utf-8")

    def override(self, path: str, section: str, key: str, value: str) -> None:
        """Set one key of the configuration (no reload)."""
        self.write(path, override(self._read(path), section, key, value))

    def _set_ports(self, ports: Ports) -> None:
        self.override("http.conf", "general", "bindport", str(ports.http))
        self.override("manager.conf", "general", "port", str(ports.ami))
        self.override("pjsip.conf", "transport-udp", "bind", f"{HOST}:{ports.sip}")
        self.override("pjsip.conf", "transport-tcp", "bind", f"{HOST}:{ports.sip}")
        self.override("rtp.conf", "general", "rtpstart", str(ports.rtp_first))
        self.override("rtp.conf", "general", "rtpend", str(ports.rtp_last))

    @property
    def generated(self) -> Path:
        """The folder `callctl.d` into which callctl writes trunks and phones."""
        return self.etc / "callctl.d"

    @property
    def ari_url(self) -> str:
        return f"http://{HOST}:{self.ports.http}/ari"


def shipped(repository: Path, passwords: NodeSecrets) -> dict[str, str]:
    """asterisk-conf/ and dialplan/ with the passwords in their places, by path under etc/."""
    values = {"ARI_PASSWORD": passwords.ari, "AMI_SECRET": passwords.ami}
    files = {}
    for path in sorted((repository / "asterisk-conf").glob("*.conf")):
        files[path.name] = fill(path.read_text(encoding="utf-8"), values)
    for path in sorted((repository / "dialplan").glob("*.conf")):
        files[f"callctl/{path.name}"] = path.read_text(encoding="utf-8")
    return files


def directories(inside: Path) -> str:
    """asterisk.conf's [directories]: all that is written goes into one folder; modules and sounds stay where they
    are installed."""
    where = {
        "astetcdir": "etc", "astvarlibdir": "lib", "astdbdir": "db", "astkeydir": "keys",
        "astspooldir": "spool", "astrundir": "run", "astlogdir": "log", "astcachedir": "cache",
    }  # fmt: skip
    lines = ["[directories]", *(f"{key} => {inside / folder}" for key, folder in where.items())]
    return "\n".join(lines) + "\n\n"
