"""Where logs are read from: directories with surprises in them, and servers that mean no good."""

import gzip
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.errors import StorageError
from stepwarden.ledger.publish import MAX_BUNDLE
from stepwarden.ledger.sources import DirectorySource, UrlSource
from stepwarden.ledger.verify_published import verify_published
from tests.ledger.published_logs import ORIGIN, SIGNER, made_log, put

LOG = made_log(700)


class Site:
    """A server of a directory that can be told to misbehave for a path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answers: dict[str, list[tuple[int, dict[str, str], bytes]]] = {}
        self.asked: list[str] = []
        self.key: str | None = None
        site, never = self, threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.removeprefix("/log/")
                if site.key is not None and self.headers.get("Authorization") != f"Bearer {site.key}":
                    path = "refused"
                site.asked.append(path)
                status, headers, body = site.answer(path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", headers.get("X-Length", str(len(body))))
                self.end_headers()
                if headers.get("X-Drip"):
                    for byte in body:
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                        never.wait(0.05)
                else:
                    self.wfile.write(body)

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/log"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        waiting = self.answers.get(path)
        if waiting:
            return waiting.pop(0) if len(waiting) > 1 else waiting[0]
        file = self.folder / path
        return (200, {}, file.read_bytes()) if file.is_file() else (404, {}, b"nothing here")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server of a good log of 700 entries. Waiting before a retry is skipped."""
    monkeypatch.setattr("stepwarden.ledger.sources.time.sleep", lambda seconds: None)
    LOG.publish(tmp_path, 700)
    made = Site(tmp_path)
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_a_log_behind_an_address_is_verified(site: Site) -> None:
    """The same steps as from a directory, with a slash at the end of the address or without."""
    for url in (site.url, site.url + "/"):
        report = verify_published(
            UrlSource(url), origin=ORIGIN, verifiers=[SIGNER.verifier], earlier=[LOG.note(600)], policy=None
        )
        assert report.ok, str(report)
        assert report.size == 700


def test_a_server_that_asks_for_a_key_gets_it(site: Site) -> None:
    """And refuses whoever comes without one; a refusal is not "missing"."""
    site.key = "sw_test"
    site.answers["refused"] = [(401, {}, b"")]
    assert UrlSource(site.url, bearer="sw_test").fetch("checkpoint") == LOG.note(700).encode()
    with pytest.raises(StorageError, match="401"):
        UrlSource(site.url).fetch("checkpoint")


def test_a_key_is_not_sent_where_others_can_read_it() -> None:
    """Nor does it stand in the message."""
    with pytest.raises(StorageError, match="use https") as caught:
        UrlSource("http://log.example/log", bearer="sw_secret")
    assert "sw_secret" not in str(caught.value)
    for strange in ("sw_sécret", "sw secret", "sw\nX-Evil: 1"):
        with pytest.raises(StorageError, match="no token has"):
            UrlSource("https://log.example/log", bearer=strange)


def test_compressed_answers_are_unpacked(site: Site) -> None:
    """Logs may send gzip without being asked; also in several pieces' worth."""
    body = bytes(range(256)) * 4_000
    site.answers["tile/0/000"] = [(200, {"Content-Encoding": "gzip"}, gzip.compress(body))]
    assert UrlSource(site.url).fetch("tile/0/000") == body


@pytest.mark.parametrize("cut", [0, 5, 30, -1])
def test_broken_gzip_is_refused(site: Site, cut: int) -> None:
    """Cut short anywhere, or with something after its end: never half a file."""
    packed = gzip.compress(bytes(range(100)))
    body = packed[:cut] if cut >= 0 else packed + b"more"
    site.answers["tile/0/000"] = [(200, {"Content-Encoding": "gzip"}, body)]
    with pytest.raises(StorageError, match="broken gzip"):
        UrlSource(site.url).fetch("tile/0/000")


def test_a_gzip_bomb_does_not_fill_the_memory(site: Site) -> None:
    """100 MB of zeros in 100 KB: stopped at the longest file that a log has."""
    bomb = gzip.compress(bytes(100_000_000))
    site.answers["tile/0/000"] = [(200, {"Content-Encoding": "gzip"}, bomb)]
    with pytest.raises(StorageError, match="longer than"):
        UrlSource(site.url).fetch("tile/0/000")


def test_an_endless_answer_is_cut_off(site: Site) -> None:
    """Longer than any file of a log: refused, whatever length it claims."""
    site.answers["checkpoint"] = [(200, {}, bytes(MAX_BUNDLE + 1))]
    with pytest.raises(StorageError, match="longer than"):
        UrlSource(site.url).fetch("checkpoint")


def test_a_server_that_drips_is_given_up(site: Site) -> None:
    """Each byte comes in time and the file never does."""
    site.answers["checkpoint"] = [(200, {"X-Drip": "1"}, bytes(200))]
    with pytest.raises(StorageError, match="too slow"):
        UrlSource(site.url, timeout=0.2).fetch("checkpoint")


def test_an_answer_cut_short_is_no_file(site: Site) -> None:
    """The connection closes before the promised length: asked again, then given up."""
    site.answers["checkpoint"] = [(200, {"X-Length": "500"}, b"half")]
    with pytest.raises(StorageError, match="cannot be read"):
        UrlSource(site.url, timeout=1).fetch("checkpoint")


@pytest.mark.parametrize("status", [404, 410])
def test_missing_is_none(site: Site, status: int) -> None:
    """Not there, or pruned: an answer, not a failure."""
    site.answers["tile/entries/000"] = [(status, {}, b"")]
    assert UrlSource(site.url).fetch("tile/entries/000") is None


def test_a_refusal_is_not_taken_for_missing(site: Site) -> None:
    """403 may be anything: a verifier must not read it as "pruned"."""
    site.answers["tile/entries/000"] = [(403, {}, b"")]
    with pytest.raises(StorageError, match="403"):
        UrlSource(site.url).fetch("tile/entries/000")


def test_a_busy_server_is_asked_again(site: Site) -> None:
    """Twice 503 and then the file; three times is a failure."""
    site.answers["checkpoint"] = [(503, {}, b""), (503, {}, b""), (200, {}, b"here")]
    assert UrlSource(site.url).fetch("checkpoint") == b"here"
    site.answers["checkpoint"] = [(503, {}, b"")]
    with pytest.raises(StorageError, match="503"):
        UrlSource(site.url).fetch("checkpoint")


def test_redirects_lead_nowhere_else(site: Site, tmp_path: Path) -> None:
    """A log cannot send its auditor to the machines behind the auditor's wall; on its own host it may move."""
    other = Site(tmp_path)
    for target in (
        f"{other.url}/checkpoint",
        "http://169.254.169.254/latest",
        "https://127.0.0.1/log/checkpoint",
    ):
        site.answers["checkpoint"] = [(302, {"Location": target}, b"")]
        with pytest.raises(StorageError, match="another host"):
            UrlSource(site.url).fetch("checkpoint")
    assert other.asked == []
    for target in ("file:///etc/passwd", "ftp://127.0.0.1/x"):
        site.answers["checkpoint"] = [(302, {"Location": target}, b"")]
        with pytest.raises(StorageError):
            UrlSource(site.url).fetch("checkpoint")
    site.answers["checkpoint"] = [(301, {"Location": "/log/elsewhere"}, b"")]
    site.answers["elsewhere"] = [(200, {}, b"moved")]
    assert UrlSource(site.url).fetch("checkpoint") == b"moved"
    other.server.server_close()


def test_nobody_at_the_address_is_a_failure(site: Site) -> None:
    """Not "an empty log"."""
    site.server.shutdown()
    site.server.server_close()
    with pytest.raises(StorageError, match="cannot be read"):
        UrlSource(site.url, timeout=1).fetch("checkpoint")


@pytest.mark.parametrize(
    "url", ["", "log.example", "file:///etc", "ftp://h/x", "http://", "http://h/?q", "http://h/#f"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    """Only http and https lead to logs."""
    with pytest.raises(StorageError, match="no address"):
        UrlSource(url)


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "..", "tile/../x", "a//b", "tile/./x", "a\\b", "a\0", "é", "a b"]
)
def test_paths_cannot_leave_the_log(path: str, tmp_path: Path) -> None:
    """Paths are made by us; a strange one is our mistake, and is not followed."""
    with pytest.raises(ValueError, match="no path in a log"):
        DirectorySource(tmp_path).fetch(path)


def test_a_directory_gives_its_files_and_none_for_what_is_missing(tmp_path: Path) -> None:
    """Also where a file stands in a directory's place."""
    put(tmp_path / "tile" / "0" / "000", b"hashes")
    source = DirectorySource(tmp_path)
    assert source.fetch("tile/0/000") == b"hashes"
    assert source.fetch("tile/0/001") is None
    assert source.fetch("tile/0/000/001") is None
    assert DirectorySource(tmp_path / "gone").fetch("checkpoint") is None


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    """A directory, a pipe that nobody writes to, a file of endless length: all said, nothing hangs."""
    (tmp_path / "checkpoint").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    with open(tmp_path / "long", "wb") as file:
        file.truncate(MAX_BUNDLE + 1)
    source = DirectorySource(tmp_path)
    for name, words in (("checkpoint", "not a file"), ("pipe", "not a file"), ("endless", "not a file")):
        with pytest.raises(StorageError, match=words):
            source.fetch(name)
    with pytest.raises(StorageError, match="longer than"):
        source.fetch("long")


@given(path=st.text(alphabet="abx019./\\ \0é~", max_size=12))
def test_any_path_is_plain_or_refused(path: str) -> None:
    """Nothing but a path of plain parts reaches the file system."""
    try:
        DirectorySource(Path("/nowhere")).fetch(path)
    except ValueError:
        return
    assert ".." not in path.split("/")
    assert not path.startswith("/")
