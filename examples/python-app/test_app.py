import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from app import GREETING, Handler, Server


@pytest.fixture
def url() -> Iterator[str]:
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(("environment", "end"), [("", "!"), ("<b>qa</b>", " from <b>qa</b>!")])
def test_greets_as_plain_text(url: str, environment: str, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", environment)
    with urllib.request.urlopen(f"{url}/?from=test", timeout=10) as response:
        assert response.status == 200
        assert response.headers.get_content_type() == "text/plain"
        assert response.read().decode() == f"{GREETING}{end}\n"
    assert GREETING.strip()


def test_is_healthy(url: str) -> None:
    with urllib.request.urlopen(f"{url}/healthz", timeout=10) as response:
        assert response.read() == b"ok\n"


def test_says_that_nothing_else_is_there_and_not_what_it_is_made_of(url: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{url}/nowhere", timeout=10)
    with caught.value as response:
        assert response.status == 404
        assert "Python" not in response.headers["Server"]
