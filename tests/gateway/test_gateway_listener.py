"""The listener on real sockets, with bytes written by hand: what attackers send, and what a slow or rude peer does.

Longer than most files: one place for all that is said to the listener over a socket.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from stepwarden.gateway.listener import Listener
from stepwarden.gateway.listener_connection import Limits
from stepwarden.gateway.server import Server, listen
from tests.gateway.conftest import running, serving
from tests.gateway.gateway_fake import FakeService
from tests.gateway.listener_site import FIRST, LAST, LIMITS, Answer, Echo, answers, dial, hear, post, talk

PATIENT = Limits(connections=8, body=30, head=30, idle=30, write=30)
LOGIN = b'{"action":"login"}'
RESET = (socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
"""Closing such a socket resets the connection, instead of saying that nothing more will come."""
SMUGGLED = b"POST /v1/attempts HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def site() -> Echo:
    return Echo()


@pytest.fixture(scope="module")
def echo(site: Echo) -> Iterator[str]:
    """The echo, with deadlines that nobody misses."""
    with running(site, limits=PATIENT) as url:
        yield url


@pytest.fixture
def hasty(site: Echo) -> Iterator[str]:
    """The echo, with short deadlines."""
    with running(site, limits=LIMITS) as url:
        yield url


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


HEADS = {
    "two lengths": b"Content-Length: 18\r\nContent-Length: 5\r\n",
    "the same length twice": b"Content-Length: 18\r\nContent-Length: 18\r\n",
    "a list of lengths": b"Content-Length: 18, 18\r\n",
    "a signed length": b"Content-Length: +18\r\n",
    "a negative length": b"Content-Length: -1\r\n",
    "a length in hexadecimal": b"Content-Length: 0x12\r\n",
    "a length with a separator": b"Content-Length: 1_8\r\n",
    "a length with a blank in it": b"Content-Length: 1 8\r\n",
    "an empty length": b"Content-Length:\r\n",
    "a length of many digits": b"Content-Length: " + b"0" * 40 + b"18\r\n",
    "a blank before the colon": b"Content-Length : 18\r\n",
    "a name that is no token": b"Content(Length: 18\r\n",
    "CL.TE": b"Content-Length: 18\r\nTransfer-Encoding: chunked\r\n",
    "TE.CL": b"Transfer-Encoding: chunked\r\nContent-Length: 18\r\n",
    "TE.TE": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    "chunked twice": b"Transfer-Encoding: chunked, chunked\r\n",
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n",
    "compressed and chunked": b"Transfer-Encoding: gzip, chunked\r\n",
    "a vertical tab before the coding": b"Transfer-Encoding: \x0bchunked\r\n",
    "a coding with a parameter": b"Transfer-Encoding: chunked;a=b\r\n",
    "a coding in a folded line": b"Transfer-Encoding:\r\n chunked\r\n",
    "a folded line": b"X-A: b\r\n\tc\r\n",
    "a first line that begins with a blank": b" X-A: b\r\n",
    "a bare LF": b"X-A: b\nContent-Length: 18\r\n",
    "a bare CR": b"X-A: b\rContent-Length: 18\r\n",
    "CR CR LF": b"X-A: b\r\r\n",
    "NUL": b"X-A: b\x00c\r\n",
    "an escape sequence": b"X-A: \x1b[31m\r\n",
    "no colon": b"X-A\r\n",
    "no name": b": b\r\n",
    "two hosts": b"Host: y\r\n",
    "an expectation nobody knows": b"Expect: 101-magic\r\n",
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_could_be_read_in_two_ways_is_refused(url: str, service: FakeService, name: str) -> None:
    """Request smuggling: one refusal, the end, and nothing behind it is a request."""
    data = (
        b"POST /v1/attempts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sw_all_secret\r\n"
        b"Content-Type: application/json\r\n" + HEADS[name] + b"\r\n" + LOGIN + SMUGGLED
    )
    (one,) = talk(url, data)
    expected = (417, "request.expectation") if b"Expect" in HEADS[name] else (400, "request.malformed")
    assert (one.status, one.json()["code"]) == expected
    assert one.headers["connection"] == "close"
    assert one.headers["content-type"] == "application/problem+json"
    assert one.headers["cache-control"] == "no-store"
    assert service.calls == []


LINES = {
    "HTTP/0.9": b"GET /healthz\r\n",
    "HTTP/1.2": b"GET /healthz HTTP/1.2\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n",
    "two blanks": b"GET  /healthz HTTP/1.1\r\n",
    "a tab": b"GET\t/healthz HTTP/1.1\r\n",
    "a blank at the end": b"GET /healthz HTTP/1.1 \r\n",
    "a blank in the target": b"GET /heal thz HTTP/1.1\r\n",
    "a method in small letters": b"get /healthz HTTP/1.1\r\n",
    "a line feed at the beginning": b"\r\nGET /healthz HTTP/1.1\r\n",
    "a bare LF after the version": b"GET /healthz HTTP/1.1\n",
    "a CR in the target": b"GET /heal\rthz HTTP/1.1\r\n",
    "a fragment": b"GET /healthz#a HTTP/1.1\r\n",
    "bytes that are not ASCII": b"GET /\xc3\xa4 HTTP/1.1\r\n",
    "a target without a slash": b"GET healthz HTTP/1.1\r\n",
    "a URL with a user": b"GET http://a@b/healthz HTTP/1.1\r\n",
    "a URL without a name": b"GET http:///healthz HTTP/1.1\r\n",
    "a tunnel": b"CONNECT b:80 HTTP/1.1\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a JSON text": b'{"a": 1}\r\n',
}


@pytest.mark.parametrize("name", LINES)
def test_a_request_line_has_one_form(url: str, name: str) -> None:
    """What is not HTTP/1.1 hears so at once and not after a deadline."""
    (one,) = talk(url, LINES[name] + b"Host: x\r\n\r\n" + FIRST)
    assert (one.status, one.json()["code"]) == (400, "request.malformed")


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        ([], 400),
        ([b"x"], 200),
        ([b""], 200),
        ([b"[::1]:80"], 200),
        ([b"x", b"x"], 400),
        ([b"x/y"], 400),
        ([b"x y"], 400),
        ([b"u@x"], 400),
        ([b"x, y"], 400),
    ],
)
def test_there_is_exactly_one_host(url: str, hosts: list[bytes], status: int) -> None:
    """Missing, doubled or no host: two machines could differ in whom it is for."""
    lines = b"".join(b"Host: %b\r\n" % host for host in hosts)
    (one,) = talk(url, b"GET /healthz HTTP/1.1\r\nConnection: close\r\n" + lines + b"\r\n")
    assert one.status == status


CHUNKS = {
    "no size": b"\r\nab\r\n0\r\n\r\n",
    "a size that is none": b"zz\r\nab\r\n0\r\n\r\n",
    "a size with 0x": b"0x2\r\nab\r\n0\r\n\r\n",
    "a signed size": b"+2\r\nab\r\n0\r\n\r\n",
    "a negative size": b"-2\r\nab\r\n0\r\n\r\n",
    "a size with a blank": b"2 \r\nab\r\n0\r\n\r\n",
    "a size that overflows": b"10000000000000002\r\nab\r\n0\r\n\r\n",
    "a size that ends in LF": b"2\nab\r\n0\r\n\r\n",
    "a size that ends in CR": b"2\rab\r\n0\r\n\r\n",
    "an extension without a name": b"2;\r\nab\r\n0\r\n\r\n",
    "an extension that hides an LF": b"2;a\nb\r\nab\r\n0\r\n\r\n",
    "a chunk longer than it says": b"2\r\nabc\r\n0\r\n\r\n",
    "a chunk that does not end": b"2\r\nabXX0\r\n\r\n",
    "a chunk that ends in LF": b"2\r\nab\n0\r\n\r\n",
    "an end that is LF": b"2\r\nab\r\n0\n\n",
    "a trailer that is a request": b"2\r\nab\r\n0\r\nGET / HTTP/1.1\r\n\r\n",
    "a trailer that folds": b"2\r\nab\r\n0\r\nX: y\r\n z\r\n\r\n",
}


@pytest.mark.parametrize("name", CHUNKS)
def test_chunks_that_could_be_read_in_two_ways_are_refused(url: str, service: FakeService, name: str) -> None:
    """The caller is known by then, so it is an entry in the log too."""
    head = post(
        b"",
        b"Authorization: Bearer sw_all_secret",
        b"Content-Type: application/json",
        b"Transfer-Encoding: chunked",
        path=b"/v1/attempts",
        length=False,
    )
    (one,) = talk(url, head + CHUNKS[name] + SMUGGLED)
    assert (one.status, one.headers["connection"]) == (400, "close")
    assert one.json()["code"] == "input.malformed"
    assert (service.calls, [entry[0] for entry in service.exceptions]) == ([], ["input.malformed"])


def test_sizes_in_chunks_and_in_length_are_the_same_request(echo: str) -> None:
    """With extensions and trailers, which say nothing here."""
    bodies = [
        post(b"hello"),
        post(b"5\r\nhello\r\n0\r\n\r\n", b"Transfer-Encoding: chunked", length=False),
        post(
            b'2;a=b\r\nhe\r\n03\r\nllo\r\n0;c="d e"\r\nX: y\r\n\r\n',
            b"transfer-encoding:CHUNKED",
            length=False,
        ),
    ]
    found = talk(echo, b"".join(bodies) + LAST)
    assert [one.status for one in found] == [200] * 4
    assert {one.json()["body"] for one in found[:3]} == {"hello"}


@pytest.mark.parametrize(
    ("data", "code", "status"),
    [
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", "request.target_too_long", 414),
        (b"GET /" + b"a" * 200_000, "request.target_too_long", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", "request.head_too_large", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 65 + b"\r\n", "request.head_too_large", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 100_000, "request.head_too_large", 431),
        (post(b"a" * 1001), "input.too_large", 413),
        (post(b"", b"Content-Length: 999999999999999", length=False), "input.too_large", 413),
        (post(b"3e9\r\n", b"Transfer-Encoding: chunked", length=False), "input.too_large", 413),
        (
            post(b"3e8\r\n" + bytes(1000) + b"\r\n1\r\n", b"Transfer-Encoding: chunked", length=False),
            "input.too_large",
            413,
        ),
    ],
)
def test_what_is_too_long_is_refused_before_its_end(echo: str, data: bytes, code: str, status: int) -> None:
    """Nobody has to send it all to hear so, and whoever goes on sending is not read."""
    (one,) = talk(echo, data)
    assert (one.status, one.json()["code"], one.headers["connection"]) == (status, code, "close")


def test_an_endless_upload_is_stopped(echo: str) -> None:
    """413, and then it is cut off: it cannot keep the listener busy."""
    with closing(dial(echo)) as sock:
        sock.sendall(post(b"", b"Transfer-Encoding: chunked", length=False))
        sent = 0
        try:
            while sent < 200_000_000:
                sent += sock.send(b"ff\r\n" + bytes(0xFF) + b"\r\n")
        except OSError:
            pass
        assert sent < 100_000_000


def test_the_reply_to_an_upload_that_is_refused_arrives(echo: str) -> None:
    """No reset takes it away, although most of what was sent has not been read."""
    for _ in range(5):
        with closing(dial(echo)) as sock:
            sock.sendall(post(bytes(500_000)))
            assert [one.status for one in answers(hear(sock))] == [413]


def test_old_and_new_callers_are_told_whether_the_connection_goes_on(echo: str) -> None:
    """HTTP/1.0 ends unless asked to stay, and needs no Host."""
    (one,) = talk(echo, b"GET /a HTTP/1.0\r\n\r\n")
    assert (one.status, one.headers["connection"]) == (200, "close")
    first, second = talk(echo, b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + LAST)
    assert (first.headers["connection"], second.headers["connection"]) == ("keep-alive", "close")
    first, second = talk(echo, FIRST + LAST)
    assert "connection" not in first.headers


def test_chunks_from_an_old_caller_are_refused(echo: str) -> None:
    """HTTP/1.0 has none: a proxy of its time would pass them on as something else."""
    data = post(b"5\r\nhello\r\n0\r\n\r\n", b"Transfer-Encoding: chunked", length=False)
    (one,) = talk(echo, data.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert one.status == 400


def test_the_target_may_be_a_url(echo: str) -> None:
    """As proxies send it; the name in it chooses nothing."""
    (one,) = talk(echo, b"GET http://other.example/a/b?c=d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (one.json()["path"], one.json()["query"]) == ("/a/b", "c=d")


def test_head_is_answered_without_a_body_and_the_next_request_is_found(echo: str) -> None:
    """The length is that of the body that GET would have."""
    with closing(dial(echo)) as sock:
        sock.sendall(b"HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n" + LAST)
        head, _, rest = hear(sock).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"content-length: 5" in head
    assert [one.status for one in answers(rest)] == [200]


def test_the_interim_reply_comes_before_the_body(echo: str) -> None:
    """Expect: 100-continue, then 200."""
    with closing(dial(echo)) as sock:
        sock.sendall(
            post(b"", b"Content-Length: 5", b"Expect: 100-continue", b"Connection: close", length=False)
        )
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"hello")
        assert answers(hear(sock))[0].json()["body"] == "hello"


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
