"""Runs a program in a network of its own, and lets connections in through a socket in a folder.

Run as a file of its own, in a new network namespace: ``in_namespace.py SOCKET PORT PROGRAM…``. The namespace has a
loopback interface and nothing else, so what listens there is reached through the socket alone, and reaches nothing.
"""

from __future__ import annotations

import fcntl
import signal
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1


def main(arguments: list[str]) -> int:
    """The program's exit status."""
    path, port, *command = arguments
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        fcntl.ioctl(device, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    threading.Thread(target=_let_in, args=(listener, int(port)), daemon=True).start()
    program = subprocess.Popen(command)
    for number in (signal.SIGTERM, signal.SIGINT):
        # The whole group is told, this program among it; only the other one ends by it.
        signal.signal(number, lambda *_: None)
    status = program.wait()
    Path(path).unlink()
    return status if status >= 0 else 128 - status


def _let_in(listener: socket.socket, port: int) -> None:
    while True:
        outside, _ = listener.accept()
        threading.Thread(target=_join, args=(outside, port), daemon=True).start()


def _join(outside: socket.socket, port: int) -> None:
    try:
        inside = socket.create_connection(("127.0.0.1", port), timeout=10)
    except OSError:
        outside.close()
        return
    inside.settimeout(None)
    back = threading.Thread(target=_pass, args=(inside, outside), daemon=True)
    back.start()
    _pass(outside, inside)
    back.join()
    inside.close()
    outside.close()


def _pass(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
