"""Real processes under test: started, killed without warning, started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE_SECONDS = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Process:
    """One process with a fixed command, which may be run many times."""

    name: str
    command: list[str]
    health_url: str
    log: Path
    # Failpoints of every start, beside those of one.
    always: str = ""
    running: subprocess.Popen[bytes] | None = field(default=None)

    def start(self, failpoints: str = "") -> None:
        assert self.running is None, f"{self.name} runs already"
        failpoints = ";".join(filter(None, (self.always, failpoints)))
        environment = os.environ | {"FAILPOINTS": failpoints, "LOG": "info", "LOG_TEXT": "true"}
        with self.log.open("ab") as log:
            log.write(f"--- start, failpoints: {failpoints or 'none'}\n".encode())
            log.flush()
            self.running = subprocess.Popen(self.command, stdout=log, stderr=log, env=environment)

    def await_health(self) -> None:
        wait_until(lambda: self._is_healthy(), f"{self.name} is not healthy; see {self.log}")

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed."""
        if self.running is not None:
            self.running.send_signal(signal.SIGKILL)
            self.running.wait(PATIENCE_SECONDS)
            self.running = None

    def stop(self) -> None:
        """SIGTERM, as a kubelet sends it; the process ends well by itself."""
        assert self.running is not None, f"{self.name} does not run"
        self.running.send_signal(signal.SIGTERM)
        status = self.running.wait(PATIENCE_SECONDS)
        self.running = None
        assert status == 0, f"{self.name} ended with {status}; see {self.log}"

    def await_crash(self, seconds: float) -> bool:
        """True when the process ended by its failpoint within the time."""
        assert self.running is not None
        try:
            status = self.running.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        assert status == -signal.SIGABRT, f"{self.name} ended with {status}; see {self.log}"
        self.running = None
        return True

    def _is_healthy(self) -> bool:
        assert self.running is not None
        if self.running.poll() is not None:
            tail = self.log.read_text(errors="replace")[-2000:]
            raise AssertionError(f"{self.name} ended with {self.running.returncode}:\n{tail}")
        try:
            with urllib.request.urlopen(self.health_url, timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False


def wait_until(holds, message, seconds: float = PATIENCE_SECONDS, pause: float = 0.05) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(message() if callable(message) else message)
        time.sleep(pause)
