"""A server that takes every call and never answers."""

from __future__ import annotations

import socket
import threading


class Silence:
    """Listens while it is entered; `heard` are the first lines of what it was told."""

    def __init__(self, port: int) -> None:
        self.heard: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", port))
        self.callers: list[socket.socket] = []

    def __enter__(self) -> Silence:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # Only a shutdown wakes a thread that accepts.
        self.listener.shutdown(socket.SHUT_RDWR)
        for one in (self.listener, *self.callers):
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self.listener.accept()
            except OSError:
                return
            self.callers.append(caller)
            threading.Thread(target=self._listen, args=(caller,), daemon=True).start()

    def _listen(self, caller: socket.socket) -> None:
        try:
            told = caller.recv(65536).decode(errors="replace")
        except OSError:
            return
        self.heard.append(told.partition("\r\n")[0])
