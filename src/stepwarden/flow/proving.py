"""The parts of proving who one is, together: what ``Service`` offers of them, and what our pages are built over."""

from dataclasses import dataclass

from stepwarden.flow.account import Account
from stepwarden.flow.challenges import Challenges
from stepwarden.flow.enrolments import Enrolments
from stepwarden.flow.entrances import Entrances
from stepwarden.flow.factors import Factors
from stepwarden.flow.grants import Grants
from stepwarden.flow.openid import OpenIdProvider
from stepwarden.flow.pages import Pages
from stepwarden.flow.sessions import Sessions
from stepwarden.flow.stepups import StepUps


@dataclass(frozen=True, slots=True)
class Proving:
    """``push_secret`` is what a push provider signs its reports with, b"" where there is none.

    ``openid`` is our own OpenID provider, None where nobody is its client.
    """

    stepups: StepUps
    enrolments: Enrolments
    grants: Grants
    pages: Pages
    account: Account
    challenges: Challenges
    factors: Factors
    sessions: Sessions
    entrances: Entrances
    push_secret: bytes
    openid: OpenIdProvider | None = None
