"""Which forms of HTTP the listener understands, on real sockets: chunks, HTTP/1.0, URLs as targets, HEAD, Expect."""

from contextlib import closing

from tests.gateway.listener_site import FIRST, LAST, answers, dial, hear, post, talk


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
