"""Signatures of identity tokens: the provider's key, and nothing else that calls itself one."""

import asyncio
import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, OctKey, RSAKey
from joserfc.jws import JWSRegistry

from stepwarden.connect.openid.idtoken import Expected, Head, read_head, verify
from stepwarden.connect.openid.keys import Jwk, choose, read_keys
from stepwarden.errors import ProviderError
from stepwarden.flow.provider_proof import ProviderProof
from tests.connect.openid_house import Clock, house, settings_for
from tests.connect.openid_provider import Claims, Provider, make_key


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


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_each_algorithm_that_is_taken_verifies(algorithm: str) -> None:
    """Signed by another library."""
    assert step_up(algorithm=algorithm, keys=[make_key(algorithm, "k")]).aal == 2


def test_attack_alg_none() -> None:
    """Without a signature, in every spelling."""
    for name in ("none", "None", "nOnE", ""):
        header = {"alg": name, "kid": "k1", "typ": "JWT"}
        refused(signing=lambda said, header=header: f"{part(header)}.{part(said)}.")


@pytest.mark.parametrize("form", ["pem", "jwk"])
def test_attack_hs256_with_the_public_key(form: str) -> None:
    """The public key, which everybody has, used as a secret."""
    key = make_key("RS256", "k1")
    assert isinstance(key, RSAKey)
    secret = key.as_pem(private=False) if form == "pem" else json.dumps(key.as_dict(private=False)).encode()

    def forge(said: Claims) -> str:
        text = f"{part({'alg': 'HS256', 'kid': 'k1', 'typ': 'JWT'})}.{part(said)}"
        tag = hmac.new(secret, text.encode(), "sha256").digest()
        return f"{text}.{urlsafe_b64encode(tag).rstrip(b'=').decode()}"

    assert "not signed in a way that is taken" in refused(algorithm="RS256", keys=[key], signing=forge)


def test_attack_a_symmetric_key_in_the_key_set() -> None:
    """Not even a provider may publish one."""
    key = OctKey.import_key("0" * 32, {"kid": "k1"})

    def forge(said: Claims) -> str:
        return jwt.encode({"alg": "HS256", "kid": "k1"}, said, key, ["HS256"])

    refused(signing=forge)
    assert choose(read_keys(json.dumps({"keys": [key.as_dict()]}).encode()), "k1", "HS256") is None


@pytest.mark.parametrize("brought", ["jwk", "jku", "x5u", "x5c"])
def test_attack_the_token_brings_its_own_key(brought: str) -> None:
    """Signed by the forger, whose key lies in the header or is pointed to there."""
    own = ECKey.generate_key("P-256", {"kid": "k1"})
    value = own.as_dict(private=False) if brought == "jwk" else "https://evil.example/keys"
    header: Claims = {"alg": "ES256", "kid": "k1", brought: [value] if brought == "x5c" else value}

    def forge(said: Claims) -> str:
        registry = JWSRegistry(algorithms=["ES256"], strict_check_header=False)
        return jwt.encode(header, said, own, registry=registry)

    assert "signature does not verify" in refused(signing=forge)


@pytest.mark.parametrize(
    "header", [{"crit": ["exp"], "exp": 1}, {"b64": False}, {"typ": "at+jwt"}, {"typ": "logout+jwt"}]
)
def test_attack_a_token_of_another_kind(header: Claims) -> None:
    """Signed by the right key, and something else."""
    key = make_key("ES256", "k1")
    with pytest.raises(ProviderError):
        read_head(f"{part({'alg': 'ES256', 'kid': 'k1'} | header)}.{part({})}.AAAA")
    if "typ" in header:
        refused(
            keys=[key],
            signing=lambda said: jwt.encode({"alg": "ES256", "kid": "k1"} | header, said, key, ["ES256"]),
        )


def test_attack_the_claims_are_changed_after_signing() -> None:
    """Another level under the signature of the old one."""

    async def run() -> None:
        async with house() as there:
            sign = there.provider

            def forge(said: Claims) -> str:
                sign.signing = None
                head, _, tag = sign.sign(said | {"acr": "silver"}).split(".")
                return f"{head}.{part(said)}.{tag}"

            there.provider.signing = forge
            with pytest.raises(ProviderError, match="signature does not verify"):
                await there.step_up()

    asyncio.run(run())


def test_keys_may_rotate_while_we_run() -> None:
    """A new key is found at its first token; what the provider withdrew is refused once an hour has passed."""

    async def run() -> None:
        async with house() as there:
            await there.step_up()
            old = there.provider.keys[0]
            there.provider.keys = [make_key("ES256", "k2")]
            there.clock.seconds += 61
            assert (await there.step_up()).aal == 2
            assert there.provider.count("/keys") == 2
            there.provider.signing = lambda said: jwt.encode(
                {"alg": "ES256", "kid": "k1"}, said, old, ["ES256"]
            )
            with pytest.raises(ProviderError, match="no such key"):
                await there.step_up()

    asyncio.run(run())


def test_attack_made_up_key_ids_are_no_flood() -> None:
    """Twenty unknown keys in one minute: the keys are fetched once, and once more a minute later."""

    async def run() -> None:
        async with house() as there:
            await there.step_up()
            key = there.provider.keys[0]
            there.provider.signing = lambda said: jwt.encode(
                {"alg": "ES256", "kid": "?"}, said, key, ["ES256"]
            )
            for _ in range(20):
                with pytest.raises(ProviderError, match="no such key"):
                    await there.step_up()
            assert there.provider.count("/keys") == 1
            there.clock.seconds += 61
            for _ in range(20):
                with pytest.raises(ProviderError):
                    await there.step_up()
            assert there.provider.count("/keys") == 2

    asyncio.run(run())


def test_attack_one_key_id_for_two_keys() -> None:
    """Which one signed cannot be said, so neither did."""
    two: list[Key] = [make_key("ES256", "k1"), make_key("ES256", "k1")]
    assert refused(keys=two) == "the provider has no such key"


def test_a_token_without_a_key_id_is_taken_where_one_key_fits() -> None:
    """As OpenID Connect Core (10.1) has it; with two that fit, it is not."""
    ours = make_key("ES256", "k1")

    def unnamed(said: Claims) -> str:
        return jwt.encode({"alg": "ES256"}, said, ours, ["ES256"])

    assert step_up(keys=[ours, make_key("RS256", "k2")], signing=unnamed).aal == 2
    refused(keys=[ours, make_key("ES256", "k2")], signing=unnamed)


def test_attack_a_key_that_can_be_factored_is_not_used() -> None:
    """1,024 bits of RSA; and one so long that verifying would be work."""
    with pytest.warns(SecurityWarning):
        weak = RSAKey.generate_key(1024, {"kid": "k1"}, auto_kid=False)
    jwk = read_keys(json.dumps({"keys": [weak.as_dict(private=False)]}).encode())[0]
    with pytest.raises(ProviderError, match="too short"):
        jwk.load()
    assert read_keys(json.dumps({"keys": [{"kty": "RSA", "n": "_" * 2_000, "e": "AQAB"}]}).encode()) == ()


def test_keys_of_other_kinds_are_passed_over() -> None:
    """For encryption, of another curve, unreadable: the good one beside them is found."""
    good = make_key("ES256", "k1").as_dict(private=False)
    others: list[Any] = [
        {**good, "use": "enc"},
        {**good, "crv": "P-384"},
        {**good, "alg": "ES512"},
        {"kty": 5},
        {},
    ]
    assert choose(read_keys(json.dumps({"keys": [*others, good]}).encode()), "k1", "ES256") == Jwk(
        **{name: good[name] for name in ("kty", "kid", "use", "crv", "x", "y")}  # type: ignore[arg-type]
    )


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(
    key=st.dictionaries(
        st.sampled_from(["kty", "kid", "use", "alg", "crv", "n", "e", "x", "y"]),
        JSON | st.sampled_from(["RSA", "EC", "OKP", "P-256", "Ed25519", "AQAB", "A"]),
    )
)
def test_no_key_makes_anything_but_a_refusal(key: Claims) -> None:
    """A key set holds whatever its author likes."""
    for found in read_keys(json.dumps({"keys": [key]}).encode()):
        for algorithm in ("RS256", "ES256", "EdDSA"):
            if found.fits("", algorithm):
                with pytest.raises(ProviderError):
                    verify(
                        "a.b.c",
                        Head(alg=algorithm),
                        found,
                        settings_for(Provider(Clock())),
                        Expected(nonce="", begun=0, max_age=0, now=0),
                    )
