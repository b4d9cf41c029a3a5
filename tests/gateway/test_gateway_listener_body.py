"""Bodies: by length and in chunks, however the bytes are cut."""

from itertools import pairwise

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.gateway.listener_body import MAX_CHUNK_LINE, OVERHEAD, Chunks, Length
from stepwarden.gateway.listener_head import ProtocolError

SPELLINGS = st.sampled_from(["{:x}", "{:X}", "00{:x}", "{:x};a=b", "{:x};a", '{:x};a;b="c d"'])
BAD_LINES = (
    b"g",
    b"",
    b"-1",
    b"+1",
    b"0x1",
    b" 1",
    b"1 ",
    b"1\rx",
    b"1;\x00",
    b"000000001",
    b"1\n",
    b"1;",
    b"1 ;a",
    b"1;a b",
    b'1;a="',
)
BAD_CHUNKS = (b"1\r\nab\r\n", b"1\r\na\n", b"1\r\naXX0\r\n", b"1\r\na\r\r\n")
BAD_ENDS = (b"0\r\nno colon\r\n\r\n", b"0\r\n\n", b"0\r\nX : y\r\n\r\n")
BAD = st.sampled_from([*(line + b"\r\n" for line in BAD_LINES), *BAD_CHUNKS, *BAD_ENDS])


def chunked(parts: list[bytes], spelling: list[str], trailer: bytes = b"") -> bytes:
    """These parts on the wire."""
    found = b""
    for part, form in zip(parts, spelling, strict=False):
        found += form.format(len(part)).encode() + b"\r\n" + part + b"\r\n"
    return found + b"0\r\n" + trailer + b"\r\n"


def read(data: bytes, cuts: list[int], limit: int = 10_000) -> tuple[str, bytes, bytes]:
    """How it ends, the content, and what is left over."""
    body = Chunks(limit=limit)
    places = sorted({0, *(cut % (len(data) + 1) for cut in cuts), len(data)})
    for start, end in pairwise(places):
        try:
            rest = body.feed(data[start:end])
        except ProtocolError:
            return "bad", b"", b""
        if body.over:
            return "over", b"", b""
        if body.complete:
            return "complete", bytes(body.content), rest + data[end:]
        assert rest == b""
    return "more", bytes(body.content), b""


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=5),
    st.lists(SPELLINGS, min_size=5, max_size=5),
    st.sampled_from([b"", b"X: y\r\n", b"A:\r\nB: c\r\n"]),
    st.binary(max_size=10),
    st.lists(st.integers(0, 1000), max_size=6),
)
def test_chunks_are_put_together_however_they_are_cut(
    parts: list[bytes], spelling: list[str], trailer: bytes, rest: bytes, cuts: list[int]
) -> None:
    """The content is the parts; what stands behind the last chunk is left alone."""
    data = chunked(parts, spelling, trailer)
    assert read(data + rest, cuts) == ("complete", b"".join(parts), rest)
    for end in range(len(data)):
        assert read(data[:end], cuts)[0] == "more"


@given(
    st.lists(st.binary(min_size=1, max_size=5), max_size=3), BAD, st.lists(st.integers(0, 1000), max_size=6)
)
def test_bad_chunks_are_bad_however_they_are_cut(parts: list[bytes], bad: bytes, cuts: list[int]) -> None:
    """Nothing is guessed about a size or an end of line."""
    data = chunked(parts, ["{:x}"] * 3)[:-5] + bad
    assert read(data, []) == read(data, cuts)
    assert read(data + b"\r\n\r\n", cuts)[0] == "bad"


class Seen:
    """What httptools reads of a body."""

    def __init__(self) -> None:
        self.body = b""
        self.complete = False

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.complete = True


PIECES = (
    b"1",
    b"2",
    b"0",
    b"a",
    b"\r\n",
    b"\n",
    b"\r",
    b";",
    b"x",
    b" ",
    b"X: y",
    b"=",
    b'"',
    b"\r\n0\r\n\r\n",
)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))
def test_what_is_accepted_another_parser_reads_alike(data: bytes) -> None:
    """Whole bodies here are whole bodies to httptools, with the same content."""
    end, content, rest = read(data, [])
    if end == "complete":
        seen = Seen()
        parser = httptools.HttpRequestParser(seen)
        parser.feed_data(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        parser.feed_data(data[: len(data) - len(rest)])
        assert (seen.complete, seen.body) == (True, content)


@pytest.mark.parametrize(("size", "end"), [(100, "complete"), (101, "over")])
def test_the_limit_of_chunks_is_exact_and_comes_before_the_content(size: int, end: str) -> None:
    """One chunk, many chunks, or the mere announcement."""
    data = bytes(size)
    assert read(chunked([data], ["{:x}"]), [], limit=100)[0] == end
    assert read(chunked([b"x"] * size, ["{:x}"] * size), [7, 70], limit=100)[0] == end
    assert read(b"ffffffff\r\n", [], limit=100)[0] == "over"


def test_endless_extensions_and_trailers_are_refused() -> None:
    """A body of a few bytes cannot cost more than its limit and a little."""
    assert read(b"1;" + b"a" * MAX_CHUNK_LINE, [])[0] == "bad"
    assert read(b"0\r\nX: " + b"a" * MAX_CHUNK_LINE, [])[0] == "bad"
    extended = b"1;" + b"a" * 200 + b"\r\nb\r\n"
    assert read(extended * (2 * OVERHEAD // 200), [], limit=OVERHEAD // 2)[0] == "bad"
    assert read(b"0\r\n" + b"X: y\r\n" * OVERHEAD, [])[0] == "bad"


@given(st.integers(0, 50), st.binary(max_size=60), st.integers(0, 60), st.booleans())
def test_a_body_of_known_length_ends_there(length: int, data: bytes, cut: int, wanted: bool) -> None:
    """Collected or passed over, the rest belongs to the next request."""
    body = Length(length, wanted=wanted)
    rest = body.feed(data[:cut])
    if not body.complete:
        rest += body.feed(data[cut:])
    else:
        rest += data[cut:]
    assert body.complete == (len(data) >= length)
    assert rest == data[length:]
    assert bytes(body.content) == (data[:length] if wanted else b"")
