"""What can go wrong between an application and Stepwarden, other than a decision.

    SdkError
    ├── BadGrantError           a grant that is not good for this (``verify_grant``)
    ├── UnavailableError        not reached, too slow, overloaded, or an answer that makes no sense
    └── RequestRefusedError     reached, and the request was not accepted (4xx)
        ├── WrongAnswerError    a code was wrong                       challenge.refused
        ├── NotReadyError       the first factor is not reported yet   challenge.not_ready
        ├── ClosedError         passed, failed or expired already      challenge.closed
        └── LockedError         too many wrong codes                   factor.locked

None of these is ever an "allow". ``attempt`` does not raise ``UnavailableError``: there the caller has said
beforehand what an outage means (``on_outage``).
"""


class SdkError(Exception):
    """Anything that kept a call from being answered."""


class BadGrantError(SdkError):
    """A token is not a grant that is good for this. What is wrong with it is never said."""


class UnavailableError(SdkError):
    """Stepwarden could not be reached, did not answer in time, answered 5xx or 429, or answered nonsense."""


class RequestRefusedError(SdkError):
    """Stepwarden answered 4xx. ``code`` is its stable code, ``field`` the part of the request it complains
    of."""

    def __init__(self, *, status: int, code: str, detail: str, field: str = "") -> None:
        place = f" ({field})" if field else ""
        super().__init__(f"{status} {code}: {detail}{place}")
        self.status = status
        self.code = code
        self.detail = detail
        self.field = field


class WrongAnswerError(RequestRefusedError):
    """The answer to a challenge was wrong. Which part of it is never said."""


class NotReadyError(RequestRefusedError):
    """The challenge may be answered only after the first factor was reported as proved."""


class ClosedError(RequestRefusedError):
    """The challenge has ended: ask for the action again to get a new one."""


class LockedError(RequestRefusedError):
    """Too many wrong answers for this account and factor: wait."""


BY_CODE: dict[str, type[RequestRefusedError]] = {
    "challenge.refused": WrongAnswerError,
    "challenge.not_ready": NotReadyError,
    "challenge.closed": ClosedError,
    "factor.locked": LockedError,
}
