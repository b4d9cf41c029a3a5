"""A witness's HTTP interface, through the listener's own connections."""

import asyncio
from collections.abc import Collection

import pytest

from stepwarden.errors import StorageError
from stepwarden.gateway.witness import WitnessSite
from stepwarden.ledger.note import Verifier
from stepwarden.ledger.witness import MAX_REQUEST, Seen, Witness, origin_hash
from tests.gateway.listener_site import Answer, House, Peer, post
from tests.ledger.witness_world import NOW, ORIGIN, PLAIN, Memory, Tree, make_witness

ADD = b"/add-checkpoint"


class Broken(Memory):
    """A disk that fails."""

    def advance(self, origin: str, before: Seen | None, seen: Seen) -> bool:
        raise StorageError("the disk failed under /secret/path")


def talk(witness: Witness, *requests: bytes, failed: StorageError | None = None) -> list[Answer]:
    """Say this on one connection, and hear the answers."""

    async def run() -> list[Answer]:
        peer = Peer(House(WitnessSite(witness, failed=lambda: failed, body_timeout=1.0)))
        for number, request in enumerate(requests, start=1):
            peer.say(request)
            for _ in range(500):
                if len(peer.heard()) == number:
                    break
                await asyncio.sleep(0.01)  # the decision is made in a thread
        return peer.heard()

    return asyncio.run(run())


def get(path: bytes, method: bytes = b"GET") -> bytes:
    return b"%b %b HTTP/1.1\r\nHost: x\r\n\r\n" % (method, path)


def follower(memory: Memory, tree: Tree) -> Witness:
    return make_witness(memory, [tree.signer.verifier])


def test_a_log_is_cosigned_and_monitors_can_see_it_on_one_connection() -> None:
    """200 with signature lines; 409 with the size in its own type; then the note for everybody."""
    tree, memory = Tree.of(5), Memory()
    served = b"/" + origin_hash(ORIGIN).encode() + b"/checkpoint"
    answers = talk(
        follower(memory, tree),
        get(served),
        post(tree.body(0), path=ADD),
        post(tree.body(0), path=ADD),
        get(served),
        get(b"/healthz"),
    )
    missing, signed, conflict, note, health = answers
    assert [one.status for one in answers] == [404, 200, 409, 200, 200]
    assert signed.body.startswith("— witness.example/w1 ".encode())
    assert signed.body.count(b"\n") == 2
    assert conflict.headers["content-type"] == "text/x.tlog.size"
    assert conflict.body == b"5\n"
    assert note.body.decode() == memory.known[ORIGIN].note
    assert health.body == b"ok\n"
    assert missing.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (get(ADD), 405),
        (get(b"/add-checkpoint/"), 404),
        (post(b"", path=b"/add-checkpoint?x=1"), 404),
        (get(b"/"), 404),
        (get(b"/" + b"A" * 64 + b"/checkpoint"), 404),
        (get(b"/" + b"a" * 63 + b"/checkpoint"), 404),
        (get(b"/../witness.db"), 404),
        (post(b"x", path=b"/" + b"a" * 64 + b"/checkpoint"), 405),
        (post(b"", path=ADD), 400),
        (post(b"\xff\xfe", path=ADD), 400),
    ],
)
def test_what_is_not_the_protocol_is_refused(request_: bytes, status: int) -> None:
    """Other paths, methods and bodies; none of them is remembered."""
    memory = Memory()
    (answer,) = talk(follower(memory, Tree.of(1)), request_)
    assert answer.status == status
    assert not memory.known


def test_a_body_beyond_the_limit_is_not_read() -> None:
    """413 before a byte of it came."""
    head = b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (MAX_REQUEST + 1)
    (answer,) = talk(follower(Memory(), Tree.of(1)), head)
    assert answer.status == 413


def test_a_disk_that_fails_signs_nothing_and_says_nothing_of_itself() -> None:
    """503, so that a log comes again; no signature, no path."""
    tree = Tree.of(3)
    asked, health = talk(
        follower(Broken(), tree), post(tree.body(0), path=ADD), get(b"/healthz"), failed=StorageError("gone")
    )
    assert (asked.status, health.status) == (503, 503)
    assert b"secret" not in asked.body
    assert "—".encode() not in asked.body


def test_an_error_of_ours_is_a_code_and_no_more() -> None:
    """What nobody foresaw gets 500 without its text."""

    def keys_of(origin: str) -> Collection[Verifier]:
        raise RuntimeError("secret")

    witness = Witness(Memory(), (PLAIN,), keys_of, lambda: NOW)
    (answer,) = talk(witness, post(Tree.of(1).body(0), path=ADD))
    assert answer.status == 500
    assert b"secret" not in answer.body
