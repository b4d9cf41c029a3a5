"""Identity tokens: what is believed of a provider's word, and what of a forger's."""

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt

from stepwarden.connect.openid.idtoken import Expected, read_head, verify
from stepwarden.connect.openid.keys import read_keys
from stepwarden.errors import ProviderError
from stepwarden.events.attempt import Method
from stepwarden.flow.provider_proof import ProviderProof
from tests.connect.openid_house import NOW, Clock, House, house, settings_for
from tests.connect.openid_provider import CLIENT, Claims, Provider, make_key

Saying = Callable[[Claims], Claims]
LATER = NOW + 3_600
GONE = object()


def changed(**claims: Any) -> Saying:
    """What is said, with some claims otherwise; ``GONE``: without them."""
    return lambda said: {name: value for name, value in (said | claims).items() if value is not GONE}


def step_up(**lies: Any) -> ProviderProof:
    async def run() -> ProviderProof:
        settings = lies.pop("settings", None)
        async with house(settings, **lies) as there:
            return await there.step_up()

    return asyncio.run(run())


def refused(**lies: Any) -> str:
    with pytest.raises(ProviderError) as caught:
        step_up(**lies)
    return str(caught.value)


def part(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


# --- what was proved ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "acr", [GONE, None, "", "0", "platinum", "GOLD", "gold silver", 2, True, ["gold"], {"v": "gold"}]
)
def test_attack_an_acr_that_maps_to_nothing_raises_nobody(acr: object) -> None:
    """Missing, unknown, almost right, or of another type: a provider that ignores ``acr_values`` proves no level."""
    assert refused(saying=changed(acr=acr)) == "the provider does not say that a level was proved: acr"


def test_attack_a_weaker_acr_is_worth_what_it_maps_to() -> None:
    """Asked for ``gold``, given ``silver``: AAL1, which the demand then refuses."""
    assert step_up(saying=changed(acr="silver")).aal == 1


def test_attack_a_sticky_amr_raises_nobody() -> None:
    """Methods from this morning's sign-in, under a weak ``acr``: the level comes from ``acr`` alone."""
    proof = step_up(saying=changed(acr="silver", amr=["hwk", "mfa", "user"]))
    assert (proof.aal, proof.amr) == (1, ("hwk", "mfa", "user"))
    assert "acr" in refused(saying=changed(acr=GONE, amr=["hwk", "mfa", "user"]))


@pytest.mark.parametrize(
    ("amr", "kept"),
    [
        (["otp", "pwd", "otp"], ("otp", "pwd")),
        (["pwd", "telepathy", "PWD", "a\nb", 7, None, ["otp"]], ("pwd",)),
        ("pwd", ()),
        (GONE, ()),
        ({"pwd": 1}, ()),
    ],
)
def test_amr_is_filtered_to_what_we_know(amr: object, kept: tuple[str, ...]) -> None:
    """Each method of RFC 8176 once, in one order, and nothing of a provider's own making."""
    assert step_up(saying=changed(amr=amr)).amr == kept
    assert set(kept) <= set(get_args(Method))


# --- when ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("time", [GONE, None, "1800000000", True, -1, 1e300, [NOW]])
def test_attack_auth_time_missing_or_none(time: object) -> None:
    """A provider that does not say when proves nothing fresh."""
    assert refused(saying=changed(auth_time=time)).startswith("the identity token lacks a claim")


@pytest.mark.parametrize(
    ("time", "good"), [(NOW - 61, False), (NOW - 60, True), (NOW + 60, True), (NOW + 61, False)]
)
def test_attack_auth_time_old_or_in_the_future(time: int, good: bool) -> None:
    """Asked again means now, to a minute: yesterday's session proves nothing, nor does tomorrow's."""
    if good:
        assert step_up(saying=changed(auth_time=time)).auth_time == time * 1_000_000
    else:
        assert refused(saying=changed(auth_time=time)).endswith("auth_time")


def test_attack_a_provider_that_does_not_ask_again() -> None:
    """It ignores ``max_age`` and ``prompt``, and says so honestly in ``auth_time``."""
    assert refused(heeds_age=False, session=NOW - 7_200) == "the person was not asked again: auth_time"


def test_attack_auth_time_is_held_against_when_the_browser_was_sent() -> None:
    """Nine minutes at the provider are fine; a session from before the sending is not, however late one comes back."""

    async def run(there: House, proved: int) -> ProviderProof:
        begun = await there.begin()
        there.clock.seconds += 540
        there.provider.saying = changed(auth_time=proved)
        return await there.client.finish(**await there.visit(begun.url))

    async def both() -> None:
        async with house() as there:
            assert (await run(there, NOW + 5)).auth_time == (NOW + 5) * 1_000_000
        async with house() as there:
            with pytest.raises(ProviderError):
                await run(there, NOW - 61)

    asyncio.run(both())


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - 60},
        {"exp": GONE},
        {"exp": "x"},
        {"iat": NOW + 61},
        {"iat": GONE},
        {"exp": float("1e999")},
    ],
)
def test_attack_a_token_that_is_over_or_not_yet(claims: Claims) -> None:
    """60 s of leeway, and no default for a time that is not there."""
    refused(saying=changed(**claims))


# --- for whom, by whom ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nonce", [GONE, "", "another", "x" * 10_000, None, 5])
def test_attack_wrong_nonce(nonce: object) -> None:
    """A token that was made for another request."""
    refused(saying=changed(nonce=nonce))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"aud": GONE},
        {"aud": []},
        {"aud": ["another"]},
        {"aud": f"{CLIENT} "},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"azp": "another"},
        {"aud": {CLIENT: 1}},
    ],
)
def test_attack_wrong_aud(claims: Claims) -> None:
    """A token for another client, or one of several that somebody else had made."""
    refused(saying=changed(**claims))


@pytest.mark.parametrize(
    "claims", [{"aud": [CLIENT]}, {"aud": [CLIENT, "b"], "azp": CLIENT}, {"azp": CLIENT}]
)
def test_several_audiences_are_fine_where_the_authorized_party_is_us(claims: Claims) -> None:
    """As OpenID Connect Core has it."""
    assert step_up(saying=changed(**claims)).aal == 2


@pytest.mark.parametrize("iss", [GONE, "", "https://evil.example", "{}/"])
def test_attack_a_token_of_another_issuer(iss: Any) -> None:
    """Letter for letter, a slash at the end included."""

    async def run() -> None:
        async with house() as there:
            wrong = iss.format(there.provider.issuer) if isinstance(iss, str) else iss
            there.provider.saying = changed(iss=wrong)
            with pytest.raises(ProviderError):
                await there.step_up()

    asyncio.run(run())


@pytest.mark.parametrize("subject", [GONE, "", None, 7, ["ann"], "a\nb", "x" * 257])
def test_attack_a_subject_that_is_no_actor(subject: object) -> None:
    """Nothing that could be confused with one, or with nobody."""
    assert refused(saying=changed(sub=subject)) == "the provider does not say who it was: sub"


@pytest.mark.parametrize("verified", [GONE, False, "true", 1])
def test_attack_an_address_that_nobody_verified(verified: object) -> None:
    """At some providers anybody can write any address into their own account."""
    said = changed(email="ann@bank.example", email_verified=verified)
    assert "email_verified" in refused(settings={"claim": "email"}, saying=said)


def test_another_claim_may_name_the_actor() -> None:
    """The operator says which one; a verified address is one."""
    said = changed(email="ann@bank.example", email_verified=True, oid="1-2-3")
    assert step_up(settings={"claim": "email"}, saying=said).subject == "ann@bank.example"
    assert step_up(settings={"claim": "oid"}, saying=said).subject == "1-2-3"


# --- whatever comes --------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEY = make_key("ES256", "k1")
NAMES = ["iss", "aud", "exp", "iat", "nonce", "auth_time", "acr", "amr", "sub", "azp"]


@settings(deadline=None)
@given(claims=st.dictionaries(st.sampled_from(NAMES), JSON))
def test_no_claims_make_anything_but_a_refusal(claims: Claims) -> None:
    """Signed by the right key, with whatever in each claim: one kind of error, and a proof only of what was proved."""
    settings = settings_for(Provider(Clock(), issuer="https://id.example"))
    right = {"iss": settings.issuer, "aud": CLIENT, "exp": LATER, "iat": NOW, "nonce": "n", "auth_time": NOW}
    said = right | {"acr": "gold", "sub": "ann"} | claims
    token = jwt.encode({"alg": "ES256", "kid": "k1"}, said, KEY, ["ES256"])
    (key,) = read_keys(json.dumps({"keys": [KEY.as_dict(private=False)]}).encode())
    expected = Expected(nonce="n", begun=NOW * 1_000_000, max_age=0, now=NOW * 1_000_000)
    try:
        found = verify(token, read_head(token), key, settings, expected)
    except ProviderError:
        return
    assert (found.aal, said["nonce"], said["iss"]) == (settings.acr[str(said["acr"])], "n", settings.issuer)


@settings(deadline=None)
@given(token=st.text() | st.builds(lambda a, b: f"{part(a)}.{part(b)}.AAAA", JSON, JSON))
def test_no_text_makes_anything_but_a_refusal(token: str) -> None:
    """Nothing that is not a token passes, or raises anything else."""
    settings = settings_for(Provider(Clock(), issuer="https://id.example"))
    expected = Expected(nonce="n", begun=0, max_age=0, now=0)
    (key,) = read_keys(json.dumps({"keys": [KEY.as_dict(private=False)]}).encode())
    with pytest.raises(ProviderError):
        verify(token, read_head(token), key, settings, expected)
