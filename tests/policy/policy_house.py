"""What the tests of policies share: how a refusal is caught, and where it points."""

import pytest

from stepwarden.errors import PolicyError
from stepwarden.policy.loader import load


def refused(text: str) -> PolicyError:
    """The error with which a policy is refused."""
    with pytest.raises(PolicyError) as caught:
        load(text)
    return caught.value


def pointed_at(text: str, error: PolicyError) -> str:
    """The rest of the line from where the error points."""
    return text.split("\n")[error.line - 1][error.column - 1 :]
