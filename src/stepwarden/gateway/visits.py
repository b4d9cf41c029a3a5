"""The people's pages behind the same listener: each is asked for as a visit, and answers for itself.

A visit needs no key and stands in no document of the API. It gets the head's fields as they came, its query and its
body undecoded, and says what goes back: status, body, content type and headers, its own security headers among them.
Who is shown what, and whose forms are taken, is decided there; here only how much is read: at most ``BODY_LIMIT``
bytes of a form or of JSON, in UTF-8 and not compressed.

A visit may claim a challenge for its browser, or use up a ticket. So HEAD, which link checkers and mail scanners send
and which is to change nothing, is answered only where every visitor gets the same file (``SAME_FOR_ALL``).

What escapes a visit becomes a problem document, as everywhere. Not here: the pages (``console``).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

from stepwarden.gateway.exchange import Call, Reply
from stepwarden.gateway.operation import Operation

FORM: Final = "application/x-www-form-urlencoded"
MEDIA: Final = (FORM, "application/json")
SAME_FOR_ALL: Final = ("/static/", "/.well-known/")
Answered = tuple[int, bytes, bytes, tuple[tuple[bytes, bytes], ...]]
"""Status, body, content type (b"" for none) and headers; ``set-cookie`` may stand several times."""


class Site(Protocol):
    """Pages that belong together. All calls on the loop's thread."""

    @property
    def routes(self) -> Sequence[tuple[str, str, str]]:
        """Method (GET or POST), path with ``{parameters}``, and the name that ``visit`` and the metrics know it by."""
        ...

    async def visit(
        self,
        name: str,
        *,
        segments: tuple[str, ...],
        query: bytes,
        body: bytes,
        headers: Mapping[bytes, bytes],
        peer: str,
    ) -> Answered:
        """Answer one visit.

        Args:
            segments: the path's parameters, decoded.
            headers: by lower-case name; only those that the listener reads (``listener_head.WANTED``).
            peer: the address at the other end of the connection, "" where nobody can say.
        """
        ...


def visit_operations(site: Site) -> tuple[Operation, ...]:
    """The routes of a site.

    Raises:
        ValueError: a route with another method than GET and POST.
    """
    return tuple(_operation(site, method, path, name) for method, path, name in site.routes)


def _operation(site: Site, method: str, path: str, name: str) -> Operation:
    if method not in ("GET", "POST"):
        raise ValueError(f"pages are got and posted to, not: {method}")
    return Operation(
        method="POST" if method == "POST" else "GET",
        path=path,
        name=name,
        group="Pages",
        summary="A page for people",
        description="Needs no key: whoever may see what it shows is known by cookies of its own.",
        scope=None,
        handler=_handler(site, name),
        answer="text/html",
        media=MEDIA,
        visit=True,
        head=path.startswith(SAME_FOR_ALL),
    )


def _handler(site: Site, name: str) -> Callable[[Call], Awaitable[Reply]]:
    async def visit(call: Call) -> Reply:
        status, body, media, headers = await site.visit(
            name,
            segments=call.segments,
            query=call.query or b"",
            body=call.body,
            headers=call.headers,
            peer=call.peer,
        )
        return Reply(body, status, media, headers)

    return visit
