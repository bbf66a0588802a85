"""What a client talks to: the simulator directly, or a gateway before another one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from service import Service, free_port

BASE = "appCONF0000000001"
TOKEN = "patCONF.upstream"
FIXTURE = Path(__file__).parent / "fixture.json"


@dataclass(frozen=True)
class Target:
    """`url` and `key` are for the client, `simulator` is where the records end up, `process` is what serves the client and `log` its log."""

    name: str
    url: str
    key: str
    simulator: str
    process: int
    log: Path

    def reset(self) -> None:
        requests.post(f"{self.simulator}/admin/reset", timeout=10).raise_for_status()
        if self.name == "cached":
            # The reset is a change that the gateway did not make.
            said = requests.delete(f"{self.url}/api/airtable/cache", headers=self.authorization, timeout=10)
            said.raise_for_status()

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def advance(self, seconds: int) -> None:
        """Sets the simulator's clock ahead."""
        requests.put(f"{self.simulator}/admin/clock", json={"aheadSeconds": seconds}, timeout=10).raise_for_status()

    def requests(self) -> list[dict]:
        """What the simulator was asked since the reset."""
        return requests.get(f"{self.simulator}/admin/requests", timeout=10).json()["requests"]


@contextmanager
def direct(program: Path, folder: Path, limits: str = "off") -> Iterator[Target]:
    """A simulator, without limits unless they are asked for."""
    simulator = start_simulator(program, folder, limits)
    try:
        yield Target("direct", simulator.url, TOKEN, simulator.url, simulator.process.pid, simulator.log)
    finally:
        simulator.stop()


@contextmanager
def gateway(program: Path, folder: Path, *more: str, name: str = "gateway", port: int | None = None) -> Iterator[Target]:
    """A gateway before a simulator which keeps Airtable's limits; `{simulator}` in an option is where that one is."""
    key, token = folder / "key", folder / "token"
    key.write_text("client-key\n")
    token.write_text(TOKEN + "\n")
    simulator = start_simulator(program, folder, "airtable")
    try:
        options = [f"--upstream={simulator.url}", f"--base={BASE}", f"--token-file={token}", f"--client-key-file={key}"]
        options += [f"--ledger={folder / 'ledger'}", *(option.format(simulator=simulator.url) for option in more)]
        gateway = Service(program, "gateway", folder, *options, port=port)
        try:
            yield Target(name, gateway.url, "client-key", simulator.url, gateway.process.pid, gateway.log)
        finally:
            gateway.stop()
    finally:
        simulator.stop()


@contextmanager
def cached(program: Path, folder: Path, *more: str) -> Iterator[Target]:
    """The same, with answers that are kept for longer than a test takes."""
    kept = ["--cache-ttl-seconds=600", "--cache-stale-while-revalidate-seconds=600"]
    with gateway(program, folder, *kept, *more, name="cached") as target:
        yield target


@contextmanager
def linked(program: Path, folder: Path) -> Iterator[Target]:
    """The same without, and with attachments under URLs of the gateway's own."""
    keys, port = folder / "link-keys", free_port()
    keys.write_text("0123456789abcdef" * 2)
    links = [f"--attachment-urls=http://127.0.0.1:{port}", f"--attachment-key-file={keys}", "--attachment-hosts={simulator}"]
    with gateway(program, folder, *links, name="linked", port=port) as target:
        yield target


def start_simulator(program: Path, folder: Path, limits: str, *more: str) -> Service:
    options = [f"--fixture={FIXTURE}", f"--limits={limits}", f"--token={TOKEN}", "--private-urls", "--notification-backoff-ms=50"]
    return Service(program, "simulator", folder, *options, *more)
