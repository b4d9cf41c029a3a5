"""What a slow, rude or late peer gets out of the listener on real sockets, and who is let finish when it stops."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from stepwarden.gateway.listener import Listener
from stepwarden.gateway.server import Server, listen
from tests.gateway.conftest import running, serving
from tests.gateway.listener_site import (
    FIRST,
    LAST,
    LIMITS,
    PATIENT,
    Answer,
    Echo,
    answers,
    dial,
    hear,
    post,
    talk,
)

RESET = (socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

"""Closing such a socket resets the connection, instead of saying that nothing more will come."""


def until(holds: Callable[[], object]) -> None:
    """Wait for something that happens in the server's thread."""
    for _ in range(500):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen within five seconds")


def base(server: Server) -> str:
    """Where it is."""
    return f"http://127.0.0.1:{server.port}"


def test_slow_loris_in_head_body_and_silence(hasty: str) -> None:
    """A byte now and then keeps nothing open; nobody else notices."""
    whole = post(b"hello")

    def trickle(size: int, found: list[list[Answer]]) -> None:
        with closing(dial(hasty)) as sock:
            try:
                for place in range(size):
                    sock.sendall(whole[place : place + 1])
                    time.sleep(0.03)
            except OSError:
                return  # it was cut off in the middle
            found.append(answers(hear(sock)))

    found: list[list[Answer]] = []
    peers = [threading.Thread(target=trickle, args=(size, found)) for size in (0, 20, len(whole) - 1)]
    for peer in peers:
        peer.start()
    assert [one.status for one in talk(hasty, LAST)] == [200]
    for peer in peers:
        peer.join(20)
        assert not peer.is_alive()
    assert [one.status for some in found for one in some] in ([], [408], [408, 408])


def test_a_peer_that_hangs_up_leaves_its_request_to_its_end(echo: str, site: Echo) -> None:
    """A decision under way is recorded, whether anybody hears it or not."""
    site.done.clear()
    for linger in (False, True):
        with closing(dial(echo)) as sock:
            if linger:
                sock.setsockopt(*RESET)
            sock.sendall(b"GET /slow?0.2 HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.05)
    until(lambda: site.done == ["/slow", "/slow"])


def test_a_peer_that_does_not_read_is_cut_off(hasty: str, site: Echo) -> None:
    """It asks for a hundred large answers; few are made, and then it is gone."""
    site.done.clear()
    with closing(dial(hasty)) as sock:
        sock.sendall(b"GET /big?1000000 HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        time.sleep(2)
        made = len(site.done)
        data = hear(sock)
    assert 0 < made < 20
    assert len(data) < 20_000_000
    assert [one.status for one in talk(hasty, LAST)] == [200]


def test_a_peer_that_reads_late_gets_everything_in_order(site: Echo) -> None:
    """Back-pressure loses nothing."""
    with running(site, limits=PATIENT) as url, closing(dial(url)) as sock:
        asked = b"".join(b"GET /big?%d HTTP/1.1\r\nHost: x\r\n\r\n" % (500_000 + at) for at in range(20))
        sock.sendall(asked + LAST)
        time.sleep(0.5)
        found = answers(hear(sock))
    assert [len(one.body) for one in found[:-1]] == [500_000 + at for at in range(20)]
    assert found[-1].json()["path"] == "/last"


def test_connections_beyond_the_limit_are_told_503(echo: str) -> None:
    """And once others have gone there is room again."""
    held = [dial(echo) for _ in range(PATIENT.connections)]
    for sock in held:
        sock.sendall(FIRST)
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
    with closing(dial(echo)) as sock:
        (one,) = answers(hear(sock))
        assert (one.status, one.json()["code"]) == (503, "service.busy")
    for sock in held:
        sock.close()
    until(lambda: talk(echo, LAST)[0].status == 200)


def test_exceptions_are_500_and_the_loop_goes_on(echo: str) -> None:
    """Nothing of what it was leaves."""
    for path in (b"/boom", b"/inject", b"/raise"):
        (one,) = talk(echo, post(b"abc", path=path))
        assert (one.status, one.json()["code"]) == (500, "internal.error")
        assert b"Error" not in one.body
        assert "set-cookie" not in one.headers
    assert [one.status for one in talk(echo, LAST)] == [200]


def test_stopping_lets_requests_end_and_closes_the_others(site: Echo) -> None:
    """Under way: a slow answer, half a body, half a head. Idle: closed at once. New ones: refused."""
    with serving(site, grace=30, limits=PATIENT) as server:
        slow, body, head, idle = (dial(base(server)) for _ in range(4))
        idle.sendall(FIRST)
        assert idle.recv(65536)
        slow.sendall(b"GET /slow?0.4 HTTP/1.1\r\nHost: x\r\n\r\n" + FIRST)
        body.sendall(post(b"hello")[:-2])
        head.sendall(FIRST[:-2])
        until(lambda: "/slow" in site.opened)
        time.sleep(0.05)
        server.stop()
        assert hear(idle) == b""
        with pytest.raises(OSError, match=r"refused|reset"):
            dial(base(server)).sendall(FIRST)
        body.sendall(b"lo")
        head.sendall(b"\r\n")
        for sock in (slow, body, head):
            (one,) = answers(hear(sock))
            assert (one.status, one.headers["connection"]) == (200, "close")
        for sock in (slow, body, head, idle):
            sock.close()


def test_stopping_ends_although_a_request_does_not(site: Echo) -> None:
    """After the grace it is cut off."""
    with serving(site, grace=0.2, limits=PATIENT) as server, closing(dial(base(server))) as sock:
        sock.sendall(b"GET /slow?30 HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.1)
        server.stop()
        assert hear(sock) == b""


def test_stopping_leaves_no_connection() -> None:
    """When ``stop`` returns, nothing is open any more, whatever it was doing."""

    async def work() -> None:
        listener = Listener(Echo(), LIMITS)
        sock = listen("127.0.0.1", 0)
        await listener.start(sock)
        writers = []
        for said in (b"", FIRST, FIRST[:5], b"GET /slow?30 HTTP/1.1\r\nHost: x\r\n\r\n"):
            _, writer = await asyncio.open_connection(*sock.getsockname())
            writer.write(said)
            writers.append(writer)  # it would close when it is collected
        await asyncio.sleep(0.05)
        assert len(listener.connections) == 4
        await listener.stop(0.1)
        await asyncio.sleep(0)
        assert not listener.connections

    asyncio.run(work())


def test_stopping_waits_for_requests_whose_caller_has_gone(site: Echo) -> None:
    """Their entries are being written."""
    site.done.clear()
    with serving(site, grace=30, limits=PATIENT) as server:
        with closing(dial(base(server))) as sock:
            sock.setsockopt(*RESET)
            sock.sendall(b"GET /slow?0.5 HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.1)
        time.sleep(0.05)
        server.stop()
    assert site.done == ["/slow"]
