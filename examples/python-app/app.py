"""A greeting on ``/``, and on ``/healthz`` the answer to a load balancer's health check."""

import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Change this line, push, and watch it arrive.
GREETING = "Hello"


def answer(path: str) -> tuple[int, str]:
    """The status and the text for a path."""
    environment = os.environ.get("ENVIRONMENT")
    match path.partition("?")[0]:
        case "/":
            return 200, f"{GREETING} from {environment}!\n" if environment else f"{GREETING}!\n"
        case "/healthz":
            return 200, "ok\n"
    return 404, "not found\n"


class Handler(BaseHTTPRequestHandler):
    """Answers a request, and closes the connection."""

    timeout = 10

    def do_GET(self) -> None:
        """Answers as plain text."""
        status, text = answer(self.path)
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def version_string(self) -> str:
        """What runs here is nobody's business."""
        return "app"


class Server(ThreadingHTTPServer):
    """Finishes the requests that have begun before it closes."""

    daemon_threads = False


def main() -> None:
    """Serves until ECS stops the task, which it does with SIGTERM.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
    """
    # 8080 and not 80: the container does not run as root.
    with Server(("", int(os.environ.get("PORT") or 8080)), Handler) as server:
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            # From another thread, because it waits until this one has stopped serving.
            signal.signal(signal_number, lambda *_: threading.Thread(target=server.shutdown).start())
        print(f"Listening on port {server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
