"""How many records a second many clients create one by one, through the gateway and past it."""

import argparse
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import clients
from target import direct, gateway

CLIENTS, LIMIT, WANTED = 20, 5, 8
# Long enough for the direct clients to meet two lock-outs.
PEER_SECONDS = 65


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=500)
    parser.add_argument("--workloads", type=Path, required=True, help="the binary of all services")
    args = parser.parse_args()
    until = time.monotonic() + PEER_SECONDS
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        with gateway(args.workloads, Path(ours)) as through, direct(args.workloads, Path(theirs), "airtable") as past:
            with ThreadPoolExecutor(1) as pool:
                peer = pool.submit(clients.create, past, CLIENTS, args.records, lambda: time.monotonic() < until)
                tally = clients.create(through, CLIENTS, args.records)
                alone = peer.result()
            sent = sum(request["method"] == "POST" for request in through.requests())
            print(f"| {CLIENTS} clients of pyAirtable | records | failed | seconds | requests upstream | 429 from upstream | records/s |")
            print("|---|---|---|---|---|---|---|")
            print(f"| through the gateway | {tally.created} | {tally.failed} | {tally.seconds:.1f} | {sent} | {clients.refusals(through)} | {tally.rate:.1f} |")
            print(f"| directly | {alone.created} | {alone.failed} | {alone.seconds:.1f} | {len(past.requests())} | {clients.refusals(past)} | {alone.rate:.1f} |")
    best = max(alone.rate, LIMIT)
    print()
    print(f"ratio: over {best:.1f} records/s, the most that direct clients could reach in {LIMIT} requests; wanted {WANTED}")
    print(f"ratio={tally.rate / best:.2f}")


if __name__ == "__main__":
    main()
