"""The grammar of a head: what is accepted means the same to everybody, what is not is refused however it is cut."""

import h11
import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.gateway.exchange import CHUNKED, Request
from stepwarden.gateway.listener_head import (
    MAX_FIELDS,
    MAX_HEAD,
    MAX_LINE,
    ProtocolError,
    head_end,
    read_head,
)

FIELDS = st.sampled_from(
    [
        b"Host: a",
        b"host:a.example:80",
        b"Host: [::1]:80",
        b"Host:",
        b"Host: a b",
        b"Content-Length: 5",
        b"content-length:5 ",
        b"Content-Length: 05",
        b"Content-Length: 5, 5",
        b"Content-Length: +5",
        b"Content-Length:",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: Chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: identity",
        b"Connection: close",
        b"Connection: keep-alive, x",
        b"Connection: Keep-Alive",
        b"Expect: 100-continue",
        b"Expect: 200-ok",
        b"X-A:\tb c\xff",
        b"X-A: b\x00",
        b"X-A : b",
        b" folded: b",
        b"no colon",
        b": nameless",
        b"x: a\rb",
        b"x: a\nb",
        b"X-Request-Id: 1",
        b"Upgrade: h2c",
    ]
)
STARTS = st.sampled_from(
    [
        b"GET / HTTP/1.1",
        b"POST /v1/attempts?a=b%20c HTTP/1.1",
        b"GET http://a/x HTTP/1.1",
        b"GET https://a?b HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"HEAD / HTTP/1.0",
        b"CONNECT a:80 HTTP/1.1",
        b"get / HTTP/1.1",
        b"GET  / HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b"GET / HTTP/2.0",
        b"GET /",
        b"GET /a#b HTTP/1.1",
        b"GET /\xc3\xa4 HTTP/1.1",
        b"GET http://u@a/ HTTP/1.1",
        b"GET ftp://a/ HTTP/1.1",
        b"GET a HTTP/1.1",
        b"\x16\x03\x01",
    ]
)
HEADS = st.builds(
    lambda start, fields, end: b"\r\n".join([start, *fields]) + end,
    STARTS,
    st.lists(FIELDS, max_size=5),
    st.sampled_from([b"\r\n\r\n", b"\n\n", b"\r\n\n", b"\n\r\n", b"\r\r\n\r\n", b""]),
)


def outcome(data: bytes) -> Request | str | None:
    """The request, the code of its refusal, or None where more is needed."""
    try:
        end = head_end(data)
        return read_head(data[:end]) if end else None
    except ProtocolError as error:
        return error.code


class Seen:
    """What httptools reads."""

    def __init__(self) -> None:
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.complete = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.complete = True


@given(HEADS | st.binary(max_size=80).map(lambda tail: b"GET / HTTP/1.1\r\nHost: a\r\n" + tail + b"\r\n\r\n"))
def test_what_is_accepted_means_the_same_to_two_other_parsers(data: bytes) -> None:
    """Accepted here, accepted by httptools and by h11, with the same method, target, headers and length."""
    found = outcome(data)
    if not isinstance(found, Request):
        return
    head = data[: head_end(data)]
    seen = Seen()
    parser = httptools.HttpRequestParser(seen)
    try:
        parser.feed_data(head)
    except httptools.HttpParserUpgrade:
        seen.complete = True  # it would hand over the connection; we do not
    assert seen.complete
    assert parser.get_method().decode() == found.method
    path, _, query = seen.url.partition(b"?")
    assert (path.endswith(found.path) or found.path == b"/", query) == (True, found.query)
    for name, value in found.headers.items():
        assert value == b", ".join(one.strip(b" \t") for key, one in seen.headers if key == name)
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(head)
    event = connection.next_event()
    assert isinstance(event, h11.Request)
    assert (event.method.decode(), event.target) == (found.method, seen.url)
    theirs = dict(event.headers.raw_items())
    assert (b"chunked" in {value.lower() for value in theirs.values()}) == (found.length == CHUNKED)


@given(HEADS, st.data())
def test_how_a_head_is_cut_changes_nothing(data: bytes, chance: st.DataObject) -> None:
    """A beginning is refused only for what the whole is refused for."""
    cut = chance.draw(st.integers(1, max(1, len(data))))
    early = outcome(data[:cut])
    assert early is None or early == outcome(data)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    """Arbitrary bytes are a request, a refusal or a beginning."""
    assert data == b"" or outcome(data) is None or outcome(data)


@pytest.mark.parametrize(("size", "code"), [(MAX_LINE - 2, None), (MAX_LINE - 1, "request.target_too_long")])
def test_the_limit_of_a_request_line_is_exact(size: int, code: str | None) -> None:
    """With its CRLF it has at most so many bytes, and a longer one is refused before its end has come."""
    line = b"GET /".ljust(size - 9, b"a") + b" HTTP/1.1"
    assert len(line) == size
    found = outcome(line + b"\r\nHost: a\r\n\r\n")
    assert (found if isinstance(found, str) else None) == code
    assert outcome(b"GET /".ljust(MAX_LINE, b"a")) == "request.target_too_long"


@pytest.mark.parametrize(("size", "code"), [(MAX_HEAD, None), (MAX_HEAD + 1, "request.head_too_large")])
def test_the_limit_of_a_head_is_exact(size: int, code: str | None) -> None:
    """With the blank line at its end; an endless head is refused there too."""
    start = b"GET / HTTP/1.1\r\nHost: a\r\nX: "
    found = outcome(start.ljust(size - 4, b"a") + b"\r\n\r\n")
    assert (found if isinstance(found, str) else None) == code
    assert outcome(start.ljust(MAX_HEAD, b"a")) == "request.head_too_large"


def test_the_number_of_fields_is_limited() -> None:
    """Many small fields cost more than their bytes."""
    for count, code in ((MAX_FIELDS, None), (MAX_FIELDS + 1, "request.head_too_large")):
        fields = b"".join(b"X-%d: y\r\n" % number for number in range(count - 1))
        found = outcome(b"GET / HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n")
        assert (found if isinstance(found, str) else None) == code


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/", b"/", b""),
        (b"/a?b?c", b"/a", b"b?c"),
        (b"/a?", b"/a", b""),
        (b"//a", b"//a", b""),
        (b"/%2e%2e/", b"/%2e%2e/", b""),
        (b"http://other.example:80/a?b", b"/a", b"b"),
        (b"HTTPS://[::1]?b", b"/", b"b"),
        (b"http://a", b"/", b""),
        (b"*", b"*", b""),
    ],
)
def test_a_target_is_a_path_or_a_url(target: bytes, path: bytes, query: bytes) -> None:
    """The name in a URL chooses nothing, and nothing is decoded or tidied."""
    found = read_head(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (found.path, found.query) == (path, query)


@pytest.mark.parametrize(
    ("version", "connection", "keep"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: close\r\n", False),
        (b"1.1", b"Connection: x, CLOSE\r\n", False),
        (b"1.1", b"Connection: closer\r\n", True),
        (b"1.1", b"Connection: keep-alive\r\nConnection: close\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: Keep-Alive\r\n", True),
        (b"1.0", b"Connection: keep-alive, close\r\n", False),
    ],
)
def test_who_wants_to_keep_the_connection(version: bytes, connection: bytes, keep: bool) -> None:
    """Kept in HTTP/1.1 unless closed, in HTTP/1.0 only if asked for."""
    assert read_head(b"GET / HTTP/" + version + b"\r\nHost: a\r\n" + connection + b"\r\n").keep is keep


def test_an_expectation_counts_in_http_1_1_only() -> None:
    """An old caller does not know the interim reply."""
    for version, waits in ((b"1.1", True), (b"1.0", False)):
        head = b"POST / HTTP/" + version + b"\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n"
        assert read_head(head).waits is waits
    assert outcome(head.replace(b"1.0", b"1.1").replace(b"100-C", b"x")) == "request.expectation"
