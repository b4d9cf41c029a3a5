"""What an application imports to ask Stepwarden "may this happen?". Stands alone: no other room, only httpx
and msgspec; ``verify_grant`` needs PyJWT and cryptography as well.

client      ``Client`` and ``AsyncClient``: decide, report, record, answer, collect, enrol, introspect
answers     ``Allowed``, ``StepUp``, ``Denied`` and what they carry
asgi        ``StepwardenMiddleware``: routes protected by a declared table, default deny
ourpage     ``StepUpPage``: send browsers to Stepwarden's own page, and what the application keeps for it
grants      ``verify_grant``: check a grant without asking
codeform    the code page's input, and reading what was typed
errors      what can go wrong
"""

from stepwarden.sdk.answers import (
    Allowed,
    Challenge,
    Decision,
    Demand,
    Denied,
    Entrance,
    Factor,
    Grant,
    OnOutage,
    Outcome,
    Passed,
    PasskeyDraft,
    Reason,
    Receipt,
    Recorded,
    RecoveryCodes,
    StepUp,
    TotpEnrolment,
)
from stepwarden.sdk.asgi import Handle, Identity, Open, Protected, Route, SelfAsking, StepwardenMiddleware
from stepwarden.sdk.client import AsyncClient, Client
from stepwarden.sdk.codeform import INPUT_ATTRIBUTES, Code, read_code
from stepwarden.sdk.errors import (
    BadGrantError,
    ClosedError,
    LockedError,
    NotReadyError,
    RequestRefusedError,
    SdkError,
    UnavailableError,
    WrongAnswerError,
)
from stepwarden.sdk.grants import action_hash, verify_grant
from stepwarden.sdk.ourpage import Keeper, Pending, StepUpPage
from stepwarden.sdk.wire import Attempt, Event

__all__ = [
    "INPUT_ATTRIBUTES",
    "Allowed",
    "AsyncClient",
    "Attempt",
    "BadGrantError",
    "Challenge",
    "Client",
    "ClosedError",
    "Code",
    "Decision",
    "Demand",
    "Denied",
    "Entrance",
    "Event",
    "Factor",
    "Grant",
    "Handle",
    "Identity",
    "Keeper",
    "LockedError",
    "NotReadyError",
    "OnOutage",
    "Open",
    "Outcome",
    "Passed",
    "PasskeyDraft",
    "Pending",
    "Protected",
    "Reason",
    "Receipt",
    "Recorded",
    "RecoveryCodes",
    "RequestRefusedError",
    "Route",
    "SdkError",
    "SelfAsking",
    "StepUp",
    "StepUpPage",
    "StepwardenMiddleware",
    "TotpEnrolment",
    "UnavailableError",
    "WrongAnswerError",
    "action_hash",
    "read_code",
    "verify_grant",
]
