"""The bytes of a reply."""

import re
from email.utils import parsedate_to_datetime

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.gateway.exchange import Reply
from stepwarden.gateway.listener_reply import date_line, encode_reply
from tests.gateway.listener_site import DATE, answers


@given(
    st.sampled_from([200, 204, 400, 404, 500, 503]),
    st.binary(max_size=100),
    st.sampled_from([b"application/json", b"text/html; charset=utf-8", b""]),
    st.binary(max_size=140),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_a_reply_is_one_message_to_another_parser(
    status: int, body: bytes, media: bytes, request_id: bytes, bodiless: bool, close: bool, old: bool
) -> None:
    """Whatever is echoed, h11 reads one reply, this body, and nothing behind it."""
    body = b"" if status == 204 else body
    data = encode_reply(
        Reply(body, status, media), date=DATE, request_id=request_id, bodiless=bodiless, close=close, old=old
    )
    client = h11.Connection(h11.CLIENT)
    asked = client.send(
        h11.Request(method="HEAD" if bodiless else "GET", target="/", headers=[("host", "a")])
    )
    assert asked
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    event = client.next_event()
    assert isinstance(event, h11.Response)
    headers = dict(event.headers.raw_items())
    assert event.status_code == status
    assert len(headers) == len(list(event.headers))
    found = b""
    while isinstance(event := client.next_event(), h11.Data):
        found += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert found == (b"" if bodiless else body)
    assert client.trailing_data[0] == b""
    assert (b"content-length" in headers) == (status != 204)
    assert headers.get(b"connection") == (b"close" if close else b"keep-alive" if old else None)
    plain = re.fullmatch(rb"[!-~]{1,128}", request_id) is not None
    assert headers.get(b"x-request-id") == (request_id if plain else None)


@pytest.mark.parametrize(
    "header",
    [
        (b"location", b"/\r\nset-cookie: a=b"),
        (b"location", b"/\nx"),
        (b"location", b"/\rx"),
        (b"location", b"\x00"),
        (b"loc\r\nx", b"y"),
        (b"x: y", b"z"),
        (b"", b"z"),
        (b"Location", b"z"),
        (b"content-type", b"\xc3\xa4"),
    ],
)
def test_header_injection_is_not_written(header: tuple[bytes, bytes]) -> None:
    """A line break in a name or value never leaves, not even from our own code."""
    with pytest.raises(ValueError, match="not a header"):
        encode_reply(Reply(b"", headers=(header,)), date=DATE)
    if header[0] == b"content-type":
        with pytest.raises(ValueError, match="not a header"):
            encode_reply(Reply(b"", media=header[1]), date=DATE)


def test_the_date_is_the_one_that_mail_uses() -> None:
    """RFC 9110, 5.6.7."""
    line = date_line(1_767_225_600.9)
    assert line == DATE
    assert parsedate_to_datetime(line[6:-2].decode()).timestamp() == 1_767_225_600


def test_a_head_for_nobody_has_the_length_of_the_body() -> None:
    """HEAD is answered with GET's headers."""
    whole = encode_reply(Reply(b"four"), date=DATE)
    head = encode_reply(Reply(b"four"), date=DATE, bodiless=True)
    assert head + b"four" == whole
    assert answers(whole)[0].headers["content-length"] == "4"
