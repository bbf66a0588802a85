"""How many lists of 20 KB a second one thread passes on, or gives again, beside nginx doing the same."""

import argparse
import getpass
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import requests
from service import free_port

BASE, KEY = "appBENCH000000001", "client-key"
PATH = f"/v0/{BASE}/Deals"
CONNECTIONS, ROUNDS = 32, 5
# What nothing limits: more than the machine can do.
RATE = 100_000
# Each request another question, else the gateway would send many at once as one.
ANOTHER = """local n = 0
request = function() n = n + 1; return wrk.format("GET", wrk.path .. "?view=" .. n) end
"""


@dataclass(frozen=True)
class Peer:
    """Somebody who serves the list: where, and by which processes."""

    name: str
    url: str
    pids: tuple[int, ...]

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        ticks = [Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13] for pid in self.pids]
        return sum(int(tick) for pair in ticks for tick in pair) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """MiB resident, shared pages counted in each process."""
        texts = [Path(f"/proc/{pid}/status").read_text() for pid in self.pids]
        return sum(int(re.search(r"VmRSS:\s+(\d+)", text)[1]) for text in texts) / 1024


@dataclass(frozen=True)
class Run:
    """What one round of load came to."""

    rate: float
    p99: float
    cpu: float


def load(peer: Peer, folder: Path, seconds: int, another: bool) -> Run:
    """A round of load by wrk, one thread."""
    script = folder / "another.lua"
    script.write_text(ANOTHER)
    began = peer.cpu()
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "--latency", "-H", f"Authorization: Bearer {KEY}"]
    command += [*(["-s", str(script)] if another else []), f"{peer.url}{PATH}"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 60).stdout
    assert "Non-2xx" not in said and "Socket errors" not in said, said
    count = int(re.search(r"(\d+) requests in", said)[1])
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", said).groups()
    p99 = float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])
    return Run(rate, p99, (peer.cpu() - began) / count * 1e6)


@contextmanager
def process(folder: Path, name: str, *command: object) -> Iterator[subprocess.Popen]:
    # As the image has it, but with one thread.
    environment = os.environ | {"MIMALLOC_ARENA_EAGER_COMMIT": "0", "TOKIO_WORKER_THREADS": "1"}
    with (folder / f"{name}.log").open("wb") as log:
        running = subprocess.Popen([*map(str, command)], stdout=log, stderr=log, env=environment)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(40)


@contextmanager
def nginx(folder: Path, name: str, server: str, upstream: str = "") -> Iterator[Peer]:
    """One worker, connections kept alive on both sides."""
    port, place = free_port(), folder / re.sub(r"\W+", "-", name)
    place.mkdir()
    (place / "nginx.conf").write_text(f"""
user {getpass.getuser()}; worker_processes 1; daemon off; pid {place}/pid; error_log {place}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_temp_path {place}/b; proxy_temp_path {place}/p; fastcgi_temp_path {place}/f;
  uwsgi_temp_path {place}/u; scgi_temp_path {place}/s; proxy_cache_path {place}/cache keys_zone=all:1m;
  {upstream}
  server {{ listen 127.0.0.1:{port}; {server} }}
}}""")
    with process(place, name, shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"), "-c", place / "nginx.conf") as master:
        await_answer(f"http://127.0.0.1:{port}{PATH}")
        children = Path(f"/proc/{master.pid}/task/{master.pid}/children").read_text().split()
        # Not those that keep the cache: one of them ends after a minute.
        workers = [int(pid) for pid in children if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        yield Peer(name, f"http://127.0.0.1:{port}", (master.pid, *workers))


@contextmanager
def gateway(program: Path, folder: Path, name: str, upstream: str, *options: str) -> Iterator[Peer]:
    port, key, token = free_port(), folder / "key", folder / "token"
    key.write_text(KEY)
    token.write_text("pat")
    command = [program, "gateway", f"--listen=127.0.0.1:{port}", f"--upstream={upstream}", f"--base={BASE}", f"--token-file={token}"]
    command += [f"--client-key-file={key}", f"--ledger={folder / name}.redb", f"--requests-per-second={RATE}", "--log=warn", *options]
    with process(folder, name, *command) as running:
        await_answer(f"http://127.0.0.1:{port}{PATH}")
        yield Peer(name, f"http://127.0.0.1:{port}", (running.pid,))


def await_answer(url: str) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            if requests.get(url, headers={"Authorization": f"Bearer {KEY}"}, timeout=5).status_code == 200:
                return
        except requests.ConnectionError:
            pass
        assert time.monotonic() < until, f"{url} does not answer"
        time.sleep(0.05)


def compare(what: str, ours: Peer, theirs: Peer, folder: Path, seconds: int, another: bool) -> float:
    """Rounds of both by turns, as rows of the table; ours over theirs."""
    runs: dict[Peer, list[Run]] = {theirs: [], ours: []}
    for _ in range(ROUNDS):
        for peer, list_ in runs.items():
            list_.append(load(peer, folder, seconds, another))
    for peer, list_ in runs.items():
        middle = [median(getattr(run, name) for run in list_) for name in ("rate", "p99", "cpu")]
        print(f"| {what} | {peer.name} | {middle[0]:.0f} | {middle[1]:.1f} | {middle[2]:.1f} | {peer.memory():.1f} |", flush=True)
    return median(one.rate / other.rate for one, other in zip(runs[ours], runs[theirs], strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="of each of the rounds")
    parser.add_argument("--workloads", type=Path, required=True, help="the binary of all services")
    args = parser.parse_args()
    records = [{"id": f"rec{n:014}", "createdTime": "2026-11-21T00:00:00.000Z", "fields": {"Name": f"deal {n}", "Note": "x" * 100}} for n in range(100)]
    proxied = "proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_buffers 8 32k;"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "list.json").write_text(json.dumps({"records": records}))
        static = f"root {folder}; location / {{ default_type application/json; try_files /list.json =404; }}"
        with nginx(folder, "upstream", static) as upstream:
            behind = f"upstream up {{ server {upstream.url.removeprefix('http://')}; keepalive 128; keepalive_requests 1000000000; }}"
            caching = "proxy_cache all; proxy_cache_valid 200 1h; proxy_cache_lock on;"
            with (
                nginx(folder, "nginx", f"location / {{ {proxied} }}", behind) as plain,
                nginx(folder, "nginx, proxy_cache", f"location / {{ {proxied} {caching} }}", behind) as cached,
                gateway(args.workloads, folder, "gateway", upstream.url) as ours,
                gateway(args.workloads, folder, "gateway, cached", upstream.url, "--cache-ttl-seconds=3600") as ours_cached,
            ):
                time.sleep(2)
                idle = ours.memory()
                size = (folder / "list.json").stat().st_size
                print(f"| list of {size} bytes, {CONNECTIONS} connections | | requests/s | p99 ms | CPU µs a request | RSS MiB |")
                print("|---|---|---|---|---|---|")
                passed = compare("passed on", ours, plain, folder, args.seconds, another=True)
                kept = compare("given again", ours_cached, cached, folder, args.seconds, another=False)
    print()
    print(f"one thread each, medians of {ROUNDS} rounds by turns; a gateway at rest: {idle:.1f} MiB RSS")
    print(f"ratio: passed on {passed:.2f} of nginx, given again {kept:.2f}; wanted 1.0 of each")
    print(f"ratio={min(passed, kept):.3f}")


if __name__ == "__main__":
    main()
