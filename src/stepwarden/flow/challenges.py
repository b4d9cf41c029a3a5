"""Challenges as an application handles them itself, over the API, on a page of its own or after ours.

What an application does here counts at once: it holds a key, and vouches that it shows the challenge to nobody but the
person in whose session it asked. What was passed on *our* page counts when it is collected (``pages``).
"""

from collections import OrderedDict
from typing import Final, Protocol

from stepwarden.errors import ChallengeClosedError, UnauthenticatedError
from stepwarden.flow.answers import PassedAnswer
from stepwarden.flow.asked import Asked, AskedFor
from stepwarden.flow.pages import Pages
from stepwarden.flow.recorder import Recorder
from stepwarden.flow.stepups import StepUps
from stepwarden.policy.approval import Approval

REPORTS: Final = 20_000
"""Ids of reports that are remembered, so that none is taken twice while its time is good."""
PROVIDER: Final = "push"
"""Who reports what was answered to a push, as it stands in the log."""


class Words(Protocol):
    """Says in one line what is approved; ``console.words`` does."""

    def __call__(self, approval: Approval | None, asked: Asked, language: str) -> str: ...


class Challenges:
    """All calls on the loop's thread."""

    def __init__(
        self,
        recorder: Recorder,
        stepups: StepUps,
        pages: Pages,
        asked: AskedFor,
        *,
        words: Words,
    ) -> None:
        self._recorder = recorder
        self._stepups = stepups
        self._pages = pages
        self._asked = asked
        self._words = words
        self._reports: OrderedDict[str, None] = OrderedDict()

    def passkeys(self, challenge_id: str) -> str:
        """What ``navigator.credentials.get`` takes, as JSON.

        Raises:
            ChallengeClosedError: the challenge has ended, or never was.
            ChallengeError: it cannot be answered by a passkey.
        """
        return self._pages.passkeys(challenge_id)

    async def send(self, challenge_id: str, *, factor: str, credential: str, language: str, by: str) -> None:
        """Send a code for a challenge, with what it is for in words. Raises as ``StepUps.send`` does."""
        state = self._recorder.state
        found = state.stepup.challenge(challenge_id)
        asked = self._asked.find(found.index, found.issued) if found is not None else None
        if found is None or asked is None:
            raise ChallengeClosedError("the challenge is closed")
        approval = state.policy.approval(found.issued.action) if state.policy is not None else None
        await self._stepups.send(
            challenge_id,
            factor=factor,
            credential=credential,
            words=self._words(approval, asked, language),
            language=language,
            by=by,
        )

    async def collect(self, challenge_id: str, code: str, *, by: str) -> PassedAnswer:
        """See ``Pages.collect``; what our own pages asked for is not an application's to collect."""
        return await self._pages.collect(challenge_id, code, by=by)

    async def deny(self, challenge_id: str, *, by: str) -> None:
        """See ``StepUps.deny``."""
        await self._stepups.deny(challenge_id, by=by)

    async def pushed(self, challenge_id: str, *, report: str, yes: bool, number: str) -> None:
        """What somebody answered to a push, as its provider reports it; the signature has been checked.

        Args:
            report: the id of the message that says so; each is good once.

        Raises:
            UnauthenticatedError: the same report came before.
            ChallengeError: it did not pass.
        """
        if report in self._reports:
            raise UnauthenticatedError("the report is not signed as it must be")
        self._reports[report] = None
        if len(self._reports) > REPORTS:
            self._reports.popitem(last=False)
        if self._recorder.state.stepup.challenge(challenge_id) is None:
            # No entry: a report may come any number of times.
            raise ChallengeClosedError("the challenge is closed")
        await self._pages.approve(challenge_id, yes=yes, number=number, by=PROVIDER)
