"""The end of a challenge that was passed: how the application, or our own account page, gets to know.

What tells it is a code, and a code stands in no page: it goes into a redirect's address, or to our own script as JSON,
which hands it to the window that the application waits in. Between the answer and that it is kept here for two minutes,
for the browser that answered and no other; so an answer that was sent twice (two clicks, the back button) leads on
to the same place instead of to "closed".
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from stepwarden.console.kept import Desk, Finished, Shelf, hidden
from stepwarden.console.visit import Data, Outcome, Redirect, Screen, Visit
from stepwarden.errors import ChallengeClosedError
from stepwarden.flow.shown import PagePassed

MINUTES: Final = 2
DESK_MINUTES: Final = 30
MAX_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finishing:
    """``base``: the path before all of ours. ``desks``: of account pages, by the hash of their session's secret."""

    base: str
    finished: Shelf[str, Finished]
    desks: Shelf[bytes, Desk]

    @classmethod
    def new(cls, *, base: str, clock: Callable[[], int]) -> "Finishing":
        """With nothing in it."""
        return cls(
            base=base,
            finished=Shelf(minutes=MINUTES, limit=MAX_KEPT, clock=clock),
            desks=Shelf(minutes=DESK_MINUTES, limit=MAX_KEPT, clock=clock),
        )

    def url(self, visit: Visit, part: str) -> str:
        """The address of a page of this challenge, with the way back."""
        return f"{self.base}/step-up/{visit.challenge}{'/' if part else ''}{part}{visit.way.query}"

    def back(self, visit: Visit, error: str) -> tuple[str, str]:
        """Where somebody goes who does not go on, and the key of what that link says; "" where nobody knows.

        ``error`` is told to the application: ``cancelled``, ``closed`` or ``denied``.
        """
        desk = self._desk(visit)
        if desk is not None and visit.challenge in desk.pending:
            return f"{self.base}/account", "back_to_account"
        return visit.way.back(challenge=visit.challenge, error=error), "back_to_app"

    def _desk(self, visit: Visit) -> Desk | None:
        return self.desks.get(hidden(visit.session)) if visit.session else None

    def finish(self, visit: Visit, passed: PagePassed) -> Redirect:
        """Where a browser goes that has just passed a challenge."""
        desk = self._desk(visit)
        if desk is not None and passed.challenge in desk.pending:
            desk.codes_of[passed.challenge] = passed.code
            return Redirect(location=f"{self.base}/account/continue?challenge={passed.challenge}")
        self.finished.put(passed.challenge, Finished(browser=hidden(visit.browser.key), passed=passed))
        if visit.way.return_to and not visit.way.popup:
            return self._to_app(visit, passed)
        return Redirect(location=self.url(visit, "done"))

    def is_finished(self, visit: Visit) -> bool:
        """Whether this browser has passed this challenge a moment ago."""
        return self._find(visit) is not None

    async def done(self, visit: Visit) -> Outcome:
        """GET /step-up/{challenge}/done: tell the application.

        Raises:
            ChallengeClosedError: this browser has passed no such challenge, or too long ago.
        """
        passed = self._find(visit)
        if passed is None:
            raise ChallengeClosedError("the challenge is closed")
        if not visit.way.return_to:
            return Screen(template="notice.html", values=notice("finished_lost", tone="good"))
        if not visit.way.popup or "go" in visit.query:
            return self._to_app(visit, passed)
        if visit.json:
            return Data({"challenge": passed.challenge, "code": passed.code, "state": visit.way.state})
        return Screen(template="popup.html", values={"go": self.url(visit, "done") + "&go=1"})

    def _to_app(self, visit: Visit, passed: PagePassed) -> Redirect:
        return Redirect(location=visit.way.back(challenge=passed.challenge, code=passed.code))

    def _find(self, visit: Visit) -> PagePassed | None:
        found = self.finished.get(visit.challenge)
        if found is None or not hmac.compare_digest(found.browser, hidden(visit.browser.key)):
            return None
        return found.passed


def notice(
    key: str,
    *,
    tone: str = "plain",
    link: str = "",
    link_text: str = "back_to_app",
    again_in: int = 0,
    error: str = "closed",
    reasons: tuple[object, ...] = (),
) -> dict[str, object]:
    """What ``notice.html`` takes. ``key`` names the texts; ``again_in``: seconds until the page looks again (0: never).

    ``error`` is what an application that opened us in a popup is told when the person follows the link.
    """
    return {
        "key": key,
        "tone": tone,
        "link": link,
        "link_text": link_text,
        "again_in": again_in,
        "error": error,
        "reasons": reasons,
    }
