"""Problem documents (RFC 9457): what a caller hears when something was refused or went wrong.

``type`` is ``urn:stepwarden:problem:<code>``; the code never changes and the title belongs to the code. ``detail``
speaks to the one who sent the request and may quote names from it, cut to 300 characters and with control
characters escaped. An error that is not public leaves as its code alone.

>>> problem_of(InputError("expected a string", field="$.actor")).status
422
>>> problem_of(RuntimeError("secret path")).detail
''

What goes into the log about it is *not* this text: see ``refusals``.
"""

import msgspec

from stepwarden.errors import BusyError, InputError, StepwardenError

MEDIA_TYPE = b"application/problem+json"
MAX_DETAIL = 300

TITLES: dict[str, tuple[int, str]] = {
    "input.invalid": (422, "A value is not what was asked for"),
    "input.malformed": (400, "The body cannot be read"),
    "input.too_large": (413, "The body is too large"),
    "input.media_type": (415, "The content type is not one that is read here"),
    "input.too_slow": (408, "The body did not come in time"),
    "input.unknown_format": (422, "The format is not known"),
    "entry.malformed": (500, "Internal error"),
    "request.refused": (403, "The request is refused"),
    "request.not_found": (404, "There is no such thing"),
    "request.malformed": (400, "This is not HTTP/1.1 as it is read here"),
    "request.too_slow": (408, "The request did not come in time"),
    "request.target_too_long": (414, "The request line is too long"),
    "request.expectation": (417, "The expectation cannot be met"),
    "request.head_too_large": (431, "The headers are too large"),
    "request.method": (405, "The method is not allowed here"),
    "ledger.pruned": (410, "It was pruned: it is in the sealed archive"),
    "request.conflict": (409, "The request conflicts with an earlier one"),
    "auth.missing": (401, "A valid API key is needed"),
    "auth.forbidden": (403, "The API key lacks the scope"),
    "service.busy": (503, "Too much at once: ask again"),
    "challenge.refused": (403, "The challenge was not passed"),
    "challenge.not_ready": (409, "The challenge cannot be answered yet"),
    "challenge.closed": (409, "The challenge is over"),
    "factor.locked": (429, "Too many wrong answers"),
    "challenge.not_witnessed": (503, "Too few witnesses have signed: nothing was granted"),
    "courier.failed": (502, "What was to be sent could not be handed over"),
    "policy.invalid": (422, "The policy cannot be used"),
    "policy.unknown": (422, "The policy is not known"),
    "ledger.rolled_back": (503, "The log is in doubt: nothing is decided"),
    "internal.error": (500, "Internal error"),
}
"""Status and title of every code that may leave with more than status 500."""


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457, with our ``code`` and, for input, the ``field``: a JSON path, a parameter or a header."""

    type: str
    title: str
    status: int
    code: str
    detail: str = ""
    field: str = ""


def printable(text: str, limit: int = MAX_DETAIL) -> str:
    """At most ``limit`` characters, none of them a control character, a line separator or a surrogate.

    >>> printable("a\\r\\n\\x1b[31mb")
    'a\\\\r\\\\n\\\\x1b[31mb'
    """
    cut = text[:limit]
    if not cut.isprintable():
        cut = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)[:limit]
    return cut if len(text) <= limit else cut[: limit - 1] + "…"


def problem(code: str, detail: str = "", field: str = "") -> Problem:
    """The problem document of one code."""
    status, title = TITLES.get(code, (500, "Internal error"))
    return Problem(
        type=f"urn:stepwarden:problem:{code}",
        title=title,
        status=status,
        code=code,
        detail=printable(detail),
        field=printable(field, 128),
    )


def problem_of(error: Exception) -> Problem:
    """What may be said about an error. Anything that is not ours, or not public, leaves as a code."""
    if not isinstance(error, StepwardenError):
        return problem("internal.error")
    if not error.public:
        return problem(error.code)
    field = error.field if isinstance(error, InputError) else ""
    return problem(error.code, str(error), field)


def headers_of(error: Exception) -> list[tuple[bytes, bytes]]:
    """The headers that belong to an error: how to authenticate, when to come back."""
    if isinstance(error, BusyError):
        return [(b"retry-after", str(max(1, error.retry_after)).encode())]
    code = error.code if isinstance(error, StepwardenError) else ""
    if code == "auth.missing":
        return [(b"www-authenticate", b'Bearer realm="stepwarden"')]
    if code == "factor.locked":
        return [(b"retry-after", b"60")]
    return []
