"""How much of five requests a second gets used, and what a request that waits costs the gateway."""

import argparse
import asyncio
import json
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import clients
from target import BASE, Target, direct, gateway

CLIENTS, LIMIT, WANTED = 8, 5, 0.98
MOST_WAITING = 1000


def used(target: Target) -> float:
    """The part of the budget that was used from the first create to the last, the gateway's own probes included: of all
    requests, each needs a fifth of a second but for those of the first second."""
    seen = [(datetime.fromisoformat(request["time"]), request["method"]) for request in target.requests()]
    begin = min(at for at, method in seen if method == "POST")
    at = sorted(at for at, _ in seen if at >= begin)
    return (len(at) - LIMIT) / LIMIT / (at[-1] - at[0]).total_seconds()


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def give_up(target: Target) -> None:
    """Queues, and leaves after a second."""
    address = urlsplit(target.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    body = json.dumps({"fields": {"text": "never written"}, "typecast": True})
    lines = [
        f"POST /v0/{BASE}/Unknown HTTP/1.1",
        f"host: {address.netloc}",
        f"authorization: Bearer {target.key}",
        "content-type: application/json",
        "request-timeout: 1",
        "connection: close",
        f"content-length: {len(body)}",
    ]
    writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
    await reader.read()
    writer.close()


async def queue_up(target: Target, waiting: int) -> None:
    """A thousand requests that give up, of which so many wait at the same time."""
    for _ in range(MOST_WAITING // waiting):
        await asyncio.gather(*(give_up(target) for _ in range(waiting)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1000, help="five of them take a second")
    parser.add_argument("--workloads", type=Path, required=True, help="the binary of all services")
    args = parser.parse_args()
    done = Event()
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        with gateway(args.workloads, Path(ours), "--merge=off") as through, direct(args.workloads, Path(theirs), "airtable") as past:
            with ThreadPoolExecutor(1) as pool:
                peer = pool.submit(clients.create, past, CLIENTS, args.requests, lambda: not done.is_set())
                tally = clients.create(through, CLIENTS, args.requests)
                done.set()
                alone = peer.result()
            share, refused = used(through), clients.refusals(through)
            print(f"| {CLIENTS} clients of pyAirtable | requests done | failed | 429 from upstream | budget used |")
            print("|---|---|---|---|---|")
            print(f"| through the gateway | {tally.created} | {tally.failed} | {refused} | {share:.1%} |")
            print(f"| directly, in the same {alone.seconds:.0f} s | {alone.created} | {alone.failed} | {clients.refusals(past)} | {alone.rate / LIMIT:.1%} |")
    print()
    print("| requests waiting at the same time | CPU of the gateway for each |")
    print("|---|---|")
    for waiting in (100, MOST_WAITING):
        print(f"| {waiting} | {1e6 * cost(args.workloads, waiting):.0f} µs |")
    print()
    print(f"wanted: {WANTED:.0%} of the budget and no 429")
    print(f"ratio={share / WANTED if refused + tally.failed == 0 else 0:.3f}")


def cost(program: Path, waiting: int) -> float:
    """Seconds of CPU for one request among so many."""
    with tempfile.TemporaryDirectory() as folder, gateway(program, Path(folder), "--requests-per-second=1", f"--queue-length={MOST_WAITING}") as target:
        before = cpu(target.process)
        asyncio.run(queue_up(target, waiting))
        return (cpu(target.process) - before) / MOST_WAITING


if __name__ == "__main__":
    main()
