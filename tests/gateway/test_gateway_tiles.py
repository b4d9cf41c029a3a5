"""The log as files: paths, headers and who may read; then a real tree behind it, byte for byte."""

import asyncio
import http.client
from collections import Counter

import httpx
import pytest

from stepwarden.errors import NotFoundError
from stepwarden.flow.serving import PublishedFiles
from stepwarden.gateway.application import build
from stepwarden.gateway.exchange import Settings
from stepwarden.gateway.tiles import OPEN, Readers
from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.note import Ed25519Signer, sign_note
from stepwarden.ledger.publish import files_between
from stepwarden.ledger.sequencer import Sequencer
from stepwarden.ledger.store import Submission
from stepwarden.ledger.tiles import TilePath
from stepwarden.ledger.tlog_proof import TlogProof
from tests.fakes_ledger import MemoryStore
from tests.gateway.conftest import ALL, running
from tests.gateway.gateway_fake import CHECKPOINT, FakeService

ORIGIN = "log.example/files"
SIGNER = Ed25519Signer.from_seed(ORIGIN, bytes(range(32)))


def test_the_checkpoint_is_kept_for_seconds(client: httpx.Client, service: FakeService) -> None:
    """The type and the headers that the specification asks for; with a key, for the caller alone."""
    reply = client.get("/log/checkpoint")
    assert reply.text == CHECKPOINT
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert reply.headers.get_list("cache-control") == ["private, max-age=2"]
    assert service.files.readers == ["all"]


def test_full_tiles_are_kept_for_a_year_and_partial_ones_for_seconds(
    client: httpx.Client, service: FakeService
) -> None:
    """Only what never changes may be kept."""
    for path, kept, size in (
        ("/log/tile/0/000", "private, max-age=31536000, immutable", 8192),
        ("/log/tile/0/000.p/2", "private, max-age=2", 64),
        ("/log/tile/entries/000.p/2", "private, max-age=2", 64),
    ):
        reply = client.get(path)
        assert (reply.status_code, len(reply.content)) == (200, size)
        assert reply.headers["content-type"] == "application/octet-stream"
        assert reply.headers.get_list("cache-control") == [kept]
        head = client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(size)
    assert service.files.asked[2] == TilePath(level=0, index=0, width=2)
    assert service.files.asked[-1] == TilePath(level=None, index=0, width=2)


@pytest.mark.parametrize(
    "path",
    [
        "/log/tile/0/0", "/log/tile/0/0000", "/log/tile/0/x000/000", "/log/tile/00/000", "/log/tile/64/000",
        "/log/tile/0/000.p/0", "/log/tile/0/000.p/02", "/log/tile/0/000.p/256", "/log/tile/0/000.p/",
        "/log/tile/0/000/", "/log/tile/0/%30%30%30", "/log/tile/0/000.p%2F2", "/log/tile//000", "/log/tile/",
        "/log/tile/-1/000", "/log/tile/0/../0/000", "/log/tile/entries/../../v1/log/entries", "/log/tile/entries/",
        "/log/tile/0/x999/x999/x999/x999/x999/x999/999", "/log/tile/0/001", "/log/tile/1/000", "/log/tile/data/000",
        "/log/",
    ],
)  # fmt: skip
def test_attack_no_second_spelling_and_nothing_beyond(url: str, service: FakeService, path: str) -> None:
    """Everything that is not the one path of a published tile is 404, and is no failure of ours."""
    # Not httpx, which tidies paths before it sends them.
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    connection.request("GET", path, headers={"authorization": f"Bearer {ALL}"})
    reply = connection.getresponse()
    assert reply.status == 404, path
    assert reply.getheader("cache-control") == "no-store"
    connection.close()
    assert not [asked for asked in service.files.asked if asked.format() != path.removeprefix("/log/")]


def test_other_methods_are_refused(client: httpx.Client) -> None:
    """Files are read, and nothing else."""
    reply = client.post("/log/tile/0/000", content=b"")
    assert (reply.status_code, reply.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("readers", ["key", "tree", "all"])
def test_who_may_read_is_the_operators_choice(readers: Readers) -> None:
    """Without a key: nothing, the tree, or all of it; receipts and everything else never."""
    fake = FakeService()
    settings = Settings(
        public_url="https://w.example", version="1", metrics_open=False, body_timeout=1, opened=OPEN[readers]
    )
    wanted = {
        "/log/checkpoint": readers != "key",
        "/log/tile/0/000.p/2": readers != "key",
        "/log/tile/entries/000.p/2": readers == "all",
        "/v1/log/receipt?index=1": False,
        "/v1/log/entries": False,
    }
    with running(build(fake, settings)) as url, httpx.Client(base_url=url) as anonymous:
        for path, is_open in wanted.items():
            reply = anonymous.get(path)
            assert reply.status_code == (200 if is_open else 401), path
            if is_open:
                assert reply.headers["cache-control"] == "public, max-age=2"
        document = anonymous.get("/openapi.json").json()["paths"]
        for path, operation in (("/log/tile/{path}", "tree"), ("/log/tile/entries/{path}", "all")):
            assert (document[path]["get"]["security"] == []) == (readers in (operation, "all"))


def test_attack_a_wrong_key_is_refused_where_a_key_is_needed(anonymous: httpx.Client) -> None:
    """A key without the scope reads no file."""
    for path in (
        "/log/checkpoint",
        "/log/tile/0/000.p/2",
        "/log/tile/entries/000.p/2",
        "/v1/log/receipt?index=1",
    ):
        reply = anonymous.get(path, headers={"authorization": "Bearer sw_decide_secret"})
        assert reply.status_code == 403, path
        assert anonymous.get(path, headers={"authorization": "Bearer sw_read_secret"}).status_code == 200, (
            path
        )


def test_a_receipt_is_a_text(client: httpx.Client) -> None:
    """As it is, and 404 while the published checkpoint does not reach the entry."""
    reply = client.get("/v1/log/receipt", params={"index": 12})
    assert reply.text.startswith("c2sp.org/tlog-proof@v1\nindex 12\n")
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert client.get("/v1/log/receipt", params={"index": 13}).status_code == 404


class Note:
    """A published checkpoint that may lag behind the log."""

    def __init__(self) -> None:
        self.note, self.size = "", 0

    def publish(self, sequencer: Sequencer) -> None:
        self.note, self.size = sequencer.head.checkpoint, sequencer.head.size


class Reads:
    """What was handed out."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()

    def count(self, what: str, *, by: str, files: int = 1) -> None:
        self.counts[what, by] += files


@pytest.mark.parametrize(
    ("published", "size"), [(1, 1), (255, 256), (256, 256), (300, 1_100), (1_100, 1_100)]
)
def test_what_is_served_is_what_an_export_holds(published: int, size: int) -> None:
    """Every file of the published log, byte for byte, while the log has grown on; and not one hash more."""

    async def look() -> None:
        store, note, reads = MemoryStore(), Note(), Reads()
        sequencer = Sequencer.open(store, origin=ORIGIN, signer=SIGNER, limit=10_000)
        files = PublishedFiles(sequencer, store, note, reads)
        for first, stop in ((0, published), (published, size)):
            receipts = [sequencer.submit(Submission(b"entry %d" % number)) for number in range(first, stop)]
            await asyncio.gather(*receipts)
            if stop == published:
                note.publish(sequencer)
        for path, data in files_between(store, 0, published):
            wanted = TilePath.parse(path)
            assert await files.fetch(wanted, by="k") == data, path
            for width in {1, wanted.width // 2 or 1}:
                part = TilePath(level=wanted.level, index=wanted.index, width=width)
                found = await files.fetch(part, by="k")
                assert found is not None
                assert data.startswith(found)
            if wanted.width < 256:
                beyond = TilePath(level=wanted.level, index=wanted.index, width=wanted.width + 1)
                assert await files.fetch(beyond, by="k") is None
        assert files.checkpoint(by="") == note.note
        assert reads.counts["checkpoint", ""] == 1
        for index in {0, published // 2, published - 1}:
            proof = TlogProof.parse(await files.receipt(index, by="k"))
            found_at = proof.verify(b"entry %d" % index, ORIGIN, [SIGNER.verifier])
            assert found_at.size == published
        with pytest.raises(NotFoundError, match="ask again"):
            await files.receipt(published, by="k")
        await sequencer.close()

    asyncio.run(look())


def test_an_empty_log_has_a_checkpoint_and_no_tile() -> None:
    """Nothing is there before the first entry."""

    async def look() -> None:
        store, note = MemoryStore(), Note()
        sequencer = Sequencer.open(store, origin=ORIGIN, signer=SIGNER, limit=100)
        note.publish(sequencer)
        files = PublishedFiles(sequencer, store, note, Reads())
        text = Checkpoint.parse(note.note.partition("\n\n")[0] + "\n")
        assert sign_note(text.format(), [SIGNER]) == files.checkpoint(by="")
        assert await files.fetch(TilePath(level=0, index=0, width=1), by="") is None
        assert await files.fetch(TilePath(level=None, index=0, width=1), by="") is None
        await sequencer.close()

    asyncio.run(look())
