"""What one connection, on a transport in memory, takes, answers, passes over and drops, and when it ends."""

import asyncio

import pytest

from stepwarden.gateway.listener_connection import AHEAD, DROPPED, SPARE, UNWANTED
from stepwarden.gateway.listener_reply import CONTINUE
from tests.gateway.listener_site import FIRST, LIMITS, Echo, House, Peer, post, run


def test_answers_come_in_order_although_the_first_is_the_slowest() -> None:
    """Pipelining: three at once, one after the other, one write each."""

    async def work() -> None:
        site = Echo()
        peer = Peer(House(site))
        peer.say(b"GET /slow?0.05 HTTP/1.1\r\nHost: x\r\n\r\n" + post(b"two") + FIRST)
        await asyncio.sleep(0.01)
        assert (site.opened, peer.wire.writes) == (["/slow"], 0)
        await asyncio.sleep(0.1)
        assert [one.json()["path"] for one in peer.heard()] == ["/slow", "/echo", "/first"]
        assert peer.heard()[1].json()["body"] == "two"
        assert peer.wire.writes == 3

    run(work())


def test_who_sends_ahead_is_made_to_wait() -> None:
    """While a request is answered, only so much of what follows is taken; then all of it is answered."""

    async def work() -> None:
        site = Echo()
        peer = Peer(House(site))
        peer.say(b"GET /slow?0.05 HTTP/1.1\r\nHost: x\r\n\r\n")
        await peer.turn()
        count = 2 * AHEAD // len(FIRST)
        for _ in range(count):
            if peer.wire.paused:
                break
            peer.say(FIRST)
        assert peer.wire.paused
        sent = len(site.opened)
        assert sent == 1
        await asyncio.sleep(0.1)
        await peer.turn(5000)
        assert not peer.wire.paused
        assert len(peer.heard()) == len(site.opened) > 1

    run(work())


def test_who_does_not_read_is_not_answered_further_and_then_cut_off() -> None:
    """Back-pressure: nothing more is read or handled; no progress until the deadline ends it."""

    async def work() -> None:
        site = Echo()
        peer = Peer(House(site))
        peer.wire.full = peer.connection.pause_writing
        peer.wire.unsent = 500
        peer.say(FIRST)
        await peer.turn()
        peer.wire.full = lambda: None
        for _ in range(2 * AHEAD // len(FIRST)):
            if not peer.wire.paused:
                peer.say(FIRST)
        await peer.turn()
        assert (peer.wire.paused, peer.wire.writes, len(site.opened)) == (True, 1, 1)
        peer.wire.unsent = 400  # it took something
        peer.later(LIMITS.write + 0.1)
        assert not peer.wire.closed
        peer.connection.resume_writing()
        await peer.turn(5000)
        assert not peer.wire.paused
        assert peer.wire.writes == len(site.opened) > 1
        peer = Peer(House(site))
        peer.wire.full = peer.connection.pause_writing
        peer.wire.unsent = 500
        peer.say(FIRST)
        await peer.turn()
        peer.later(LIMITS.write + 0.1)
        assert peer.wire.aborted

    run(work())


def test_a_short_unwanted_body_is_passed_over_and_a_long_one_ends_the_connection() -> None:
    """The answer does not wait for either."""

    async def work() -> None:
        for size, kept in ((UNWANTED, True), (UNWANTED + 1, False)):
            peer = Peer(House(Echo()))
            data = post(bytes(size), path=b"/none")
            peer.say(data[:100])
            await peer.turn()
            assert len(peer.heard()) == 1
            peer.say(data[100:] + FIRST)
            await peer.turn()
            assert len(peer.heard()) == (2 if kept else 1)
            assert ("connection" in peer.heard()[0].headers) is not kept
        peer = Peer(House(Echo()))
        peer.say(post(bytes(10), path=b"/none")[:-1])
        await peer.turn()
        peer.later(LIMITS.body + 0.1)
        assert peer.wire.closed or peer.wire.finished

    run(work())


def test_an_unwanted_body_that_does_not_come_ends_the_connection_after_the_answer() -> None:
    """Its deadline is over while the answer is made: the answer says that it is the last one."""

    async def work() -> None:
        peer = Peer(House(Echo()))
        peer.say(post(b"abc", path=b"/none?0.05")[:-1])
        await peer.turn()
        peer.later(LIMITS.body + 0.1)
        assert not peer.wire.closed
        peer.say(b"c" + FIRST)
        await asyncio.sleep(0.1)
        assert [one.headers.get("connection") for one in peer.heard()] == ["close"]
        peer = Peer(House(Echo()))
        peer.say(post(b"abc", path=b"/none?0.05") + FIRST)
        await peer.turn()
        peer.later(LIMITS.body + 0.1)
        await asyncio.sleep(0.1)
        assert [one.status for one in peer.heard()] == [200, 200]

    run(work())


def test_who_may_stay_when_the_listener_stops() -> None:
    """Requests under way, at any point between their first byte and the last one of their answer."""

    async def work() -> None:
        slow = b"GET /slow?0.01 HTTP/1.1\r\nHost: x\r\n\r\n"
        for said, stays in (
            (b"", False),
            (FIRST, False),
            (post(b"ab", path=b"/none")[:-1], False),
            (FIRST[:3], True),
            (post(b"ab")[:-1], True),
            (slow, True),
        ):
            peer = Peer(House(Echo()))
            peer.say(said)
            await peer.turn()
            peer.connection.retire()
            assert (said, not peer.wire.closed) == (said, stays)
        peer = Peer(House(Echo()))
        peer.wire.full = peer.connection.pause_writing
        peer.say(FIRST)
        await peer.turn()
        peer.connection.retire()
        assert not peer.wire.closed

    run(work())


def test_after_a_refusal_input_is_dropped_and_no_more_than_so_much() -> None:
    """Closing at once could take the reply away from the peer; reading for ever would be a gift."""

    async def work() -> None:
        site = Echo()
        peer = Peer(House(site))
        peer.say(b"nonsense")
        assert (peer.wire.finished, peer.wire.closed) == (True, False)
        for _ in range(DROPPED // 65536 + 2):
            if not peer.wire.paused:
                peer.say(bytes(65536))
        assert peer.wire.paused
        peer.later(LIMITS.linger + 0.1)
        assert peer.wire.aborted
        assert (site.opened, [one.status for one in peer.heard()]) == ([], [400])

    run(work())


@pytest.mark.parametrize("waits", [True, False])
def test_a_body_is_asked_for_only_where_it_is_wanted(waits: bool) -> None:
    """Expect: 100-continue; refused before the body, the connection ends, because the body may or may not come."""

    async def work() -> None:
        extra = [b"Expect: 100-continue"] if waits else []
        peer = Peer(House(Echo()))
        peer.say(post(b"", b"Content-Length: 3", *extra, length=False))
        assert bytes(peer.wire.sent) == (CONTINUE if waits else b"")
        peer.say(b"abc")
        await peer.turn()
        assert peer.heard()[0].json()["body"] == "abc"
        peer = Peer(House(Echo()))
        peer.say(post(b"", b"Content-Length: 3", *extra, path=b"/none", length=False))
        await peer.turn()
        assert CONTINUE not in peer.wire.sent
        assert ("connection" in peer.heard()[0].headers) is waits

    run(work())


@pytest.mark.parametrize(
    ("path", "status", "kept"),
    [(b"/boom", 500, False), (b"/inject", 500, False), (b"/raise", 500, False), (b"/echo", 200, True)],
)
def test_an_exception_becomes_an_answer(path: bytes, status: int, kept: bool) -> None:
    """In a handler, in a reply that cannot be written, and before the body: 500 and the end, nothing of what it was."""

    async def work() -> None:
        peer = Peer(House(Echo()))
        peer.say(post(b"abc", path=path))
        await peer.turn()
        (one,) = peer.heard()
        assert (one.status, "set-cookie" in one.headers, b"RuntimeError" in one.body) == (
            status,
            False,
            False,
        )
        assert (not (peer.wire.closed or peer.wire.finished), one.headers.get("connection") is None) == (
            kept,
            kept,
        )

    run(work())


def test_a_peer_that_hangs_up_does_not_take_its_request_along() -> None:
    """The task is handed over, goes on to its end, and writes to nobody."""

    async def work() -> None:
        site = Echo()
        house = House(site)
        peer = Peer(house)
        peer.say(b"GET /slow?0.02 HTTP/1.1\r\nHost: x\r\n\r\n")
        await peer.turn()
        peer.wire.close()
        peer.connection.connection_lost(None)
        (task,) = house.lost
        assert task is not None
        await task
        assert (site.done, bytes(peer.wire.sent)) == (["/slow"], b"")

    run(work())


def test_half_closed_peers_get_their_answers_and_half_requests_none() -> None:
    """Sent, then nothing more to say: it may still be listening."""

    async def work() -> None:
        site = Echo()
        peer = Peer(House(site))
        peer.say(b"GET /slow?0.02 HTTP/1.1\r\nHost: x\r\n\r\n" + FIRST + FIRST[:5])
        assert peer.connection.eof_received()
        await asyncio.sleep(0.05)
        assert [one.json()["path"] for one in peer.heard()] == ["/slow", "/first"]
        assert peer.wire.closed
        peer = Peer(House(site))
        peer.say(post(b"abc")[:-1])
        assert not peer.connection.eof_received()
        assert peer.wire.sent == b""

    run(work())


def test_too_many_connections_are_told_so_and_far_too_many_are_not() -> None:
    """503 and the end; beyond the spare ones not a byte, and nothing is kept of them."""

    async def work() -> None:
        house = House(Echo())
        peers = [Peer(house) for _ in range(LIMITS.connections + SPARE + 1)]
        assert [len(peer.heard()) for peer in peers] == [0] * LIMITS.connections + [1] * SPARE + [0]
        assert {peer.heard()[0].status for peer in peers[LIMITS.connections : -1]} == {503}
        assert [peer.wire.aborted for peer in peers] == [False] * (LIMITS.connections + SPARE) + [True]
        peers[0].connection.connection_lost(None)
        assert len(house.connections) == LIMITS.connections + SPARE

    run(work())
