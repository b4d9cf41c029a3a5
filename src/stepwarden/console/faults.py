"""Errors of the world in words, each on a page that says what to do next. What is not in the table is "our fault".

Which page it is depends on where the person was: ``ForbiddenError`` is another browser's challenge on a challenge's
page, and something not allowed on the account page.
"""

from typing import Final

from stepwarden.console.finishing import Finishing, notice
from stepwarden.console.visit import Data, Outcome, Screen, Visit
from stepwarden.errors import (
    BusyError,
    ChallengeClosedError,
    ChallengeError,
    ConflictError,
    ForbiddenError,
    InputError,
    NotFoundError,
    StepwardenError,
    UnauthenticatedError,
)

_PAGES: Final[tuple[tuple[type[StepwardenError], str, int], ...]] = (
    (ChallengeClosedError, "closed", 410),
    (ChallengeError, "closed", 409),
    (UnauthenticatedError, "session_over", 403),
    (NotFoundError, "missing", 404),
    (BusyError, "busy", 503),
    (ConflictError, "input", 409),
    (InputError, "input", 400),
)


def fault(error: StepwardenError, visit: Visit, finishing: Finishing, *, account: bool) -> Outcome:
    """The page, or for a script of ours the way to it."""
    if visit.json:
        return Data({"next": finishing.url(visit, "")})
    if isinstance(error, ChallengeClosedError) and finishing.is_finished(visit):
        values = notice(
            "finished", tone="good", link=finishing.url(visit, "done"), link_text="go_on", error=""
        )
        return Screen(template="notice.html", values=values, status=410)
    key, status = ("not_allowed", 403) if account else ("elsewhere", 403)
    if not isinstance(error, ForbiddenError):
        key, status = next(
            ((key, status) for kind, key, status in _PAGES if isinstance(error, kind)), ("wrong", 500)
        )
    if account:
        over = key in ("session_over", "missing")
        link, text = ("", "back_to_app") if over else (f"{finishing.base}/account", "back_to_account")
    else:
        link, text = finishing.back(visit, "closed")
    return Screen(template="notice.html", values=notice(key, link=link, link_text=text), status=status)


def forged(visit: Visit) -> Screen:
    """A form that did not come from a page of ours. No way back is shown: it came with the form."""
    return Screen(template="notice.html", values=notice("forged"), status=403)
