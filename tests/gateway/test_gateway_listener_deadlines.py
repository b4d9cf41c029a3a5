"""How long one connection, on a transport in memory, waits: for a head, a body, the next request, an answer."""

import asyncio

import pytest

from tests.gateway.listener_site import FIRST, LIMITS, Answer, Echo, House, Peer, post, run


@pytest.mark.parametrize(
    ("begun", "status"),
    [
        (b"", None),
        (b"GE", 408),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", 408),
        (FIRST[:-1], 408),
        (post(b"abc")[:-1], 408),
        (post(b"abc")[:-3], 408),
        (post(b"1\r\na\r\n", b"Transfer-Encoding: chunked", length=False), 408),
    ],
)
def test_slow_loris_is_given_up_however_it_trickles(begun: bytes, status: int | None) -> None:
    """More bytes do not move the deadline; a peer that said nothing is told nothing."""

    async def work() -> None:
        peer = Peer(House(Echo()))
        head = begun.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in begun else 0
        peer.say(begun[:head])
        for byte in begun[head:]:
            peer.say(bytes([byte]))
            peer.later(LIMITS.head / (len(begun) - head + 1))
            await peer.turn()
        assert not peer.heard()
        peer.later(
            (LIMITS.head if begun[head:] or not begun else LIMITS.body) * 2 / (len(begun) - head + 1) + 0.01
        )
        await peer.turn()
        heard: list[Answer] = peer.heard()
        assert [one.status for one in heard] == ([] if status is None else [status])
        assert peer.wire.closed or peer.wire.finished
        peer.later(LIMITS.linger + 0.1)
        assert peer.wire.closed

    run(work())


def test_each_head_has_its_own_deadline() -> None:
    """Slow but in time, twice; then silence, which is not half a request."""

    async def work() -> None:
        peer = Peer(House(Echo()))
        for number in (1, 2):
            peer.say(FIRST[:5])
            peer.later(LIMITS.head - 0.05)
            peer.say(FIRST[5:])
            await peer.turn()
            assert len(peer.heard()) == number
            peer.later(LIMITS.head + 0.05)
        peer.later(LIMITS.idle)
        assert (peer.wire.closed, [one.status for one in peer.heard()]) == (True, [200, 200])
        peer = Peer(House(Echo()))
        peer.say(FIRST)
        await peer.turn()
        peer.say(FIRST[:5])
        peer.later(LIMITS.head + 0.05)
        assert [one.status for one in peer.heard()] == [200, 408]

    run(work())


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\nHost: x\n\n", b"GET / HTTP/1.1\r\nHost: x\n", b"\x16\x03", b"\r\n"]
)
def test_what_will_be_no_request_is_not_waited_for(data: bytes) -> None:
    """Lines that end in LF, TLS, an empty line: no end of a head will come, and none is needed to say so."""

    async def work() -> None:
        peer = Peer(House(Echo()))
        peer.say(data)
        assert [one.status for one in peer.heard()] == [400]

    run(work())


def test_between_two_requests_the_peer_may_rest() -> None:
    """Idle is longer than a head may take; then the connection is closed without a word."""

    async def work() -> None:
        peer = Peer(House(Echo()))
        peer.say(FIRST)
        await peer.turn()
        peer.later(LIMITS.idle - 0.1)
        assert not peer.wire.closed
        peer.say(FIRST)
        await peer.turn()
        peer.later(LIMITS.idle + 0.1)
        assert (peer.wire.closed, len(peer.heard())) == (True, 2)

    run(work())


def test_a_request_under_way_has_no_deadline_of_the_listener() -> None:
    """How long an answer may take is the service's own affair."""

    async def work() -> None:
        peer = Peer(House(Echo()))
        peer.say(b"GET /slow?0.02 HTTP/1.1\r\nHost: x\r\n\r\n")
        await peer.turn()
        peer.later(1_000_000)
        await asyncio.sleep(0.05)
        assert [one.status for one in peer.heard()] == [200]

    run(work())
