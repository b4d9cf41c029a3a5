"""Whether one connection, on a transport in memory, answers the same however its bytes are cut, whatever they are."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.gateway.front import Gateway
from stepwarden.gateway.listener_reply import CONTINUE
from tests.gateway.conftest import SETTINGS
from tests.gateway.gateway_fake import FakeService
from tests.gateway.listener_site import FIRST, LAST, Echo, House, Peer, post, run

KEY = b"Authorization: Bearer sw_all_secret"
JSON = b"Content-Type: application/json"
LOGIN = b'{"action":"login"}'
STREAMS = [
    post(LOGIN, KEY, JSON, path=b"/v1/attempts") + post(LOGIN, KEY, JSON, path=b"/v1/attempts"),
    post(LOGIN, JSON, path=b"/v1/attempts") + FIRST,
    post(
        b"a\r\n{\r\n" + b"11\r\n" + LOGIN[1:] + b"\r\n0\r\n\r\n",
        KEY,
        JSON,
        b"Transfer-Encoding: chunked",
        path=b"/v1/attempts",
        length=False,
    ),
    post(
        b"1\r\n{\r\n11;x=y\r\n" + LOGIN[1:] + b"\r\n0\r\nX: y\r\n\r\n",
        KEY,
        JSON,
        b"Transfer-Encoding: chunked",
        path=b"/v1/attempts",
        length=False,
    )
    + LAST,
    b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\nHEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    + LAST,
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" + FIRST + LAST + FIRST,
    post(b"x" * 70_000, KEY, JSON, path=b"/v1/attempts")[:400],
    post(LOGIN, KEY, JSON, b"Expect: 100-continue", path=b"/v1/attempts") + LAST,
    FIRST + b"GET /\nHost: x\r\n\r\n" + FIRST,
    FIRST + b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n" + FIRST,
    FIRST + post(LOGIN, KEY, b"Transfer-Encoding: chunked") + FIRST,
]


async def say(data: bytes, places: list[int], breathe: bool) -> tuple[bytes, list[object], bool]:
    """What comes back, what the service was asked, and whether the connection ended."""
    fake = FakeService()
    peer = Peer(House(Gateway(fake, SETTINGS)))
    for start, end in pairwise([0, *places, len(data)]):
        peer.say(data[start:end])
        if breathe:
            await peer.turn()
    await peer.turn(40)
    said = bytes(peer.wire.sent).replace(CONTINUE, b"")
    return said, [*fake.calls, *fake.exceptions], peer.wire.closed or peer.wire.finished


@pytest.mark.parametrize("data", STREAMS, ids=range(len(STREAMS)))
def test_a_stream_cut_anywhere_gets_the_same_answers(data: bytes) -> None:
    """At every single position, and byte by byte; the service is asked the same."""

    async def work() -> None:
        whole = await say(data, [], False)
        assert whole[0]
        for place in range(1, len(data)):
            assert await say(data, [place], place % 2 == 0) == whole, place
        assert await say(data, list(range(1, len(data))), True) == whole
        assert await say(data, list(range(1, len(data))), False) == whole

    run(work())


@given(
    st.lists(st.sampled_from(STREAMS), min_size=1, max_size=3).map(b"".join),
    st.lists(st.integers(1, 4000), max_size=8),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_streams_one_after_the_other_cut_in_many_places(data: bytes, cuts: list[int], breathe: bool) -> None:
    """Also with whatever was left over of the one before."""

    async def work() -> None:
        places = sorted({cut for cut in cuts if cut < len(data)})
        assert await say(data, places, breathe) == await say(data, [], False)

    run(work())


@given(
    st.lists(
        st.sampled_from([FIRST, LAST, post(b"ab"), b"\r\n", b"\n", b"GET ", b"HTTP/1.1", b":", b"5\r\n"])
        | st.binary(max_size=20),
        max_size=8,
    ),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_no_bytes_break_a_connection(data: list[bytes], eof: bool) -> None:
    """Whatever comes: whole replies, and then it waits with a deadline, or is gone."""

    async def work() -> None:
        site = Echo()
        peer = Peer(House(site))
        for piece in data:
            peer.say(piece)
        if eof and not peer.wire.closed and not peer.connection.eof_received():
            peer.wire.close()
        await peer.turn()
        assert all(one.status in (200, 400) for one in peer.heard())
        assert "internal.error" not in site.refused
        assert peer.wire.closed or peer.waiting
        assert len(peer.heard()) == peer.wire.writes
        for _ in range(4):
            peer.later(1000)
            await peer.turn()
        assert peer.wire.closed

    run(work())
