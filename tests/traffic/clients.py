"""Clients that use pyAirtable as its users do, each in a thread of its own, and what became of their records."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyairtable
import requests
from target import BASE, Target

TABLE = "Everything"


@dataclass(frozen=True)
class Tally:
    """What `create` came to."""

    created: int
    failed: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.created / self.seconds


def create(target: Target, clients: int, records: int, goes_on: Callable[[], bool] = lambda: True) -> Tally:
    """Creates `records` one by one, shared by `clients`, until all are there or `goes_on` says no more. What fails in spite of
    pyAirtable's own retries is tried again, and counted."""
    lock, left, tally = threading.Lock(), list(range(records)), {"created": 0, "failed": 0}

    def work(client: int) -> None:
        table = pyairtable.Api(target.key, endpoint_url=target.url).table(BASE, TABLE)
        while goes_on():
            with lock:
                if not left:
                    return
                number = left.pop()
            try:
                table.create({"text": f"record {number}", "note": f"of client {client}"})
                outcome = "created"
            except requests.RequestException:
                outcome = "failed"
            with lock:
                tally[outcome] += 1
                if outcome == "failed":
                    left.append(number)

    began = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(work, range(clients)))
    return Tally(**tally, seconds=time.monotonic() - began)


def refusals(target: Target) -> int:
    """How often Airtable, or what stands for it, answered 429."""
    return sum(request["status"] == 429 for request in target.requests())
