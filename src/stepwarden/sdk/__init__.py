"""What an application imports to ask Stepwarden "may this happen?". Stands alone: no other room, only httpx
and msgspec.

client      ``Client`` and ``AsyncClient``: decide, report, record, answer, enrol
answers     ``Allowed``, ``StepUp``, ``Denied`` and what they carry
asgi        ``StepwardenMiddleware``: routes protected by a declared table, default deny
codeform    the code page's input, and reading what was typed
errors      what can go wrong
"""

from stepwarden.sdk.answers import (
    Allowed,
    Challenge,
    Decision,
    Demand,
    Denied,
    OnOutage,
    Outcome,
    Passed,
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
    ClosedError,
    LockedError,
    NotReadyError,
    RequestRefusedError,
    SdkError,
    UnavailableError,
    WrongAnswerError,
)
from stepwarden.sdk.wire import Attempt, Event

__all__ = [
    "INPUT_ATTRIBUTES",
    "Allowed",
    "AsyncClient",
    "Attempt",
    "Challenge",
    "Client",
    "ClosedError",
    "Code",
    "Decision",
    "Demand",
    "Denied",
    "Event",
    "Handle",
    "Identity",
    "LockedError",
    "NotReadyError",
    "OnOutage",
    "Open",
    "Outcome",
    "Passed",
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
    "StepwardenMiddleware",
    "TotpEnrolment",
    "UnavailableError",
    "WrongAnswerError",
    "read_code",
]
