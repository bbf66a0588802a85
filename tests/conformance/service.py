"""A role of `workloads` as a process of its own on a loopback port."""

import socket
import subprocess
import time
from pathlib import Path

import requests


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Service:
    """Starts on construction; its log is a file beside the others of the test run."""

    def __init__(self, program: Path, role: str, folder: Path, *arguments: object, port: int | None = None) -> None:
        port = port or free_port()
        self.role, self.url = role, f"http://127.0.0.1:{port}"
        self.log = folder / f"{role}-{port}.log"
        command = [program, role, f"--listen=127.0.0.1:{port}", "--log-text", *map(str, arguments)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.await_ready()

    def await_ready(self) -> None:
        until = time.monotonic() + 30
        while not self.is_ready():
            assert self.process.poll() is None, f"{self.role} ended: {self.log.read_text()}"
            assert time.monotonic() < until, f"{self.role} is not ready after 30 seconds: {self.log.read_text()}"
            time.sleep(0.05)

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/ready", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
