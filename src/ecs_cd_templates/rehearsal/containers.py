"""What runs a task's container, and what stands in for an image that is not the application's."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

from .calls import Credentials


class Container(Protocol):
    """A container that runs: where its port answers on this machine, and how it ends."""

    address: str

    def poll(self) -> int | None:
        """Its exit status, None while it runs."""

    def stop(self, seconds: float) -> int:
        """Its exit status, after it was told to stop and, so many seconds later, made to."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """What a container is made of: the image's name in ECR, and with whose permissions it is pulled."""

    name: str
    credentials: Credentials | None


class Runner(Protocol):
    """What runs containers."""

    def run(self, image: Image, *, environment: Mapping[str, str], port: int, log: Path) -> Container:
        """A container of the image that has just been started. Raises :class:`PullError` if there is no such image."""


class PullError(Exception):
    """An image that could not be pulled, in the words of a stopped task's reason."""


class StandIn:
    """Answers every request with a short text: what runs instead of an image that is not the application's own."""

    def __init__(self, text: str) -> None:
        body = f"{text}\n".encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._status: int | None = None
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def poll(self) -> int | None:
        """Its exit status."""
        return self._status

    def stop(self, _seconds: float) -> int:
        """Its exit status, which is always 0."""
        if self._status is None:
            self._status = 0
            self._server.shutdown()
            self._server.server_close()
        return 0
