"""What is kept of a step-up at a provider, and what an operator may say of one."""

from typing import Any

import pytest

from stepwarden.connect.openid.pending import MOST, PER_CHALLENGE, Pending, Sent
from stepwarden.connect.openid.settings import check_settings
from stepwarden.errors import ProviderError, SettingsError
from stepwarden.flow import provider_proof
from tests.connect.openid_house import Clock, settings_for
from tests.connect.openid_provider import CLIENT, SECRET, Provider

MICRO = 1_000_000


def sent(challenge: str, begun: int = 0) -> Sent:
    return Sent(
        challenge=challenge,
        nonce="n",
        verifier="v",
        token_endpoint="",
        requires_issuer=False,
        begun=begun,
        max_age=0,
    )


def test_attack_beginning_without_end_fills_no_memory_and_evicts_nobody() -> None:
    """Over the bound, one more is refused; ten minutes later there is room again."""
    kept = Pending()
    for number in range(MOST):
        kept.add(f"s{number}", sent(f"c{number}"))
    with pytest.raises(ProviderError):
        kept.add("more", sent("more"))
    assert kept.take("s0", now=1) == sent("c0")
    kept.add("later", sent("later", begun=600 * MICRO))
    assert len(kept) == 1


def test_of_one_challenge_the_newest_few_are_kept() -> None:
    """Pressing the button again and again costs no room."""
    kept = Pending()
    for number in range(10):
        kept.add(f"s{number}", sent("c"))
    assert [kept.take(f"s{number}", now=1) is not None for number in range(10)] == [False] * 6 + [True] * 4
    assert PER_CHALLENGE == 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"acr": {}},
        {"acr": {"gold": 4}},
        {"acr": {"gold": 0}},
        {"acr": {"gold": True}},
        {"acr_values": "gold platinum"},
        {"acr_values": ""},
        {"issuer": "http://id.example"},
        {"issuer": "http://10.0.0.1"},
        {"issuer": "https://id.example?x=1"},
        {"issuer": "https://user@id.example"},
        {"issuer": "https://id.example#x"},
        {"scope": "profile"},
        {"level_claim": "acrs", "acr_values": "gold silver"},
        {"client_secret": ""},
        {"name": "a\nb"},
        {"seconds": 0.0},
    ],
)
def test_settings_that_cannot_be_used_are_refused_at_the_start(wrong: dict[str, Any]) -> None:
    """Rather than when somebody stands at the door; no message holds the secret."""
    with pytest.raises(SettingsError) as caught:
        check_settings(settings_for(Provider(Clock(), issuer="https://id.example"), **wrong))
    assert SECRET not in str(caught.value)


def test_private_addresses_are_the_operators_choice() -> None:
    """Without it neither plain http nor this machine."""
    for issuer in ("http://127.0.0.1:1", "https://127.0.0.1", "https://10.0.0.1"):
        with pytest.raises(SettingsError):
            check_settings(settings_for(Provider(Clock(), issuer=issuer), allow_private=False))


def test_nothing_that_is_kept_shows_a_secret() -> None:
    """Not in a log, not in a traceback with values."""
    settings = settings_for(Provider(Clock(), issuer="https://id.example"))
    begun = provider_proof.Begun(url="u-secret", state="s-secret")
    shown = repr([settings, begun, sent("c")])
    assert "secret" not in shown
    assert SECRET not in shown
    assert CLIENT not in shown
