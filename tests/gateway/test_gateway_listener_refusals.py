"""What the listener refuses on real sockets: what could be read in two ways, and what is too long."""

from contextlib import closing

import pytest

from tests.gateway.gateway_fake import FakeService
from tests.gateway.listener_site import FIRST, answers, dial, hear, post, talk

LOGIN = b'{"action":"login"}'
SMUGGLED = b"POST /v1/attempts HTTP/1.1\r\nHost: x\r\n\r\n"


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
