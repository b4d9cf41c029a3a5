"""Verifying a grant without asking: one good token, and everything that a token must not get away with."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.flow.jose import GRANT, Jose, SigningKey
from stepwarden.sdk import BadGrantError, action_hash, verify_grant
from stepwarden.stepup import binding

ISSUER = "https://warden.example"
NOW = 1_800_000_000
KEY = SigningKey.of(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = SigningKey.of(Ed25519PrivateKey.from_private_bytes(bytes(32)))
JOSE = Jose(ISSUER, grants=(KEY,), identities=())
JWKS = JOSE.key_set()
HASH = action_hash("transfer", "alice", "account/7", {"cents": 100})
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "sub": "alice",
    "aud": "9c0e",
    "iat": NOW - 10,
    "exp": NOW + 290,
    "jti": "j",
    "acr": "nist-aal2",
    "amr": ["otp", "pwd"],
    "auth_time": NOW - 10,
    "action": "transfer",
    "action_hash": HASH,
}
PARAMETERS = st.dictionaries(
    st.text(max_size=5), st.text(max_size=5) | st.integers(-(2**53), 2**53) | st.booleans(), max_size=4
)


def made(key: SigningKey = KEY, *, head: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token with other claims; None takes one away."""
    said = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
    headers = {"typ": GRANT, "kid": KEY.kid, **(head or {})}
    return jwt.encode(said, key.private, algorithm=key.algorithm, headers=headers)


def check(token: str, **more: Any) -> Any:
    return verify_grant(token, **{"jwks": JWKS, "issuer": ISSUER, "now": NOW, **more})


def test_a_good_grant_says_who_did_what_and_when() -> None:
    """All checks at once, each of them met."""
    found = check(made(), audience="9c0e", acr="nist-aal1 nist-aal2", max_age=10, action_hash=HASH)
    assert (found.sub, found.acr, found.amr) == ("alice", "nist-aal2", ("otp", "pwd"))
    assert (found.auth_time, found.action, found.action_hash) == (NOW - 10, "transfer", HASH)
    assert check(JOSE.sign_grant({name: value for name, value in CLAIMS.items() if name != "iss"})).jti == "j"


@given(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8), PARAMETERS)
def test_the_hash_is_the_one_that_stepwarden_makes(
    action: str, actor: str, resource: str, parameters: dict[str, str | int | bool]
) -> None:
    """Two writings of one rule, equal for everything; without parameters as with none."""
    assert action_hash(action, actor, resource, parameters) == binding.action_hash(
        action, actor, resource, parameters
    )
    assert action_hash(action, actor, resource) == action_hash(action, actor, resource, {})


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"exp": NOW},
        {"exp": NOW - 1},
        {"exp": None},
        {"exp": "never"},
        {"exp": True},
        {"exp": float("inf")},
        {"iat": NOW + 61},
        {"iat": None},
        {"auth_time": NOW + 61},
        {"auth_time": None},
        {"auth_time": "now"},
        {"acr": None},
        {"acr": 2},
        {"sub": None},
    ],
)
def test_attack_claims_that_are_not_what_they_should_be(change: dict[str, Any]) -> None:
    """Signed by the right key all the same."""
    with pytest.raises(BadGrantError):
        check(made(**change))


@pytest.mark.parametrize(
    ("claims", "more"),
    [
        ({}, {"acr": "nist-aal3"}),
        ({"acr": "nist-aal1"}, {"acr": "nist-aal2"}),
        ({"acr": "nist-aal9"}, {"acr": "nist-aal1"}),
        ({"acr": "nist-aal2 nist-aal3"}, {"acr": "nist-aal2"}),
        ({"auth_time": NOW - 11}, {"max_age": 10}),
        ({}, {"max_age": 0}),
        ({}, {"action_hash": action_hash("transfer", "alice", "account/7", {"cents": 101})}),
        ({"action_hash": None}, {"action_hash": HASH}),
        ({}, {"audience": "another"}),
        ({"aud": None}, {"audience": "9c0e"}),
        ({}, {"issuer": ""}),
        ({}, {"jwks": {"keys": []}}),
        ({}, {"jwks": {}}),
        ({}, {"jwks": {"keys": [*JWKS["keys"], *JWKS["keys"]]}}),
    ],
)
def test_attack_a_grant_that_is_good_for_less(claims: dict[str, Any], more: dict[str, Any]) -> None:
    """Another level, too long ago, another action, somebody else's: one error, whatever it is."""
    with pytest.raises(BadGrantError, match=r"^not a grant that is good for this$"):
        check(made(**claims), **more)


@pytest.mark.parametrize(
    "head",
    [{"typ": "JWT"}, {"typ": None}, {"kid": "x"}, {"kid": OTHER.kid}, {"crit": ["exp"]}],
)
def test_attack_a_head_that_asks_for_something_else(head: dict[str, Any]) -> None:
    """An identity token is no grant, an unknown key no key, an extension no extension."""
    with pytest.raises(BadGrantError):
        check(made(head=head))


def test_attack_signed_by_somebody_else() -> None:
    """Under our key's name; also with the key that the token itself brings along."""
    with pytest.raises(BadGrantError):
        check(made(OTHER))
    with pytest.raises(BadGrantError):
        check(made(OTHER, head={"jwk": dict(OTHER.public), "jku": "https://evil.example/jwks"}))


def test_attack_another_algorithm() -> None:
    """None, and HMAC with the public key as its secret: the algorithm is ours to say, never the token's."""
    signed = made()
    body = signed.split(".")[1]

    def token(head: dict[str, str], signature: str) -> str:
        text = urlsafe_b64encode(json.dumps(head).encode()).rstrip(b"=").decode()
        return f"{text}.{body}.{signature}"

    for algorithm in ("none", "HS256", "ES256", "RS256", "Ed25519", "eddsa"):
        with pytest.raises(BadGrantError):
            check(token({"alg": algorithm, "typ": GRANT, "kid": KEY.kid}, signed.split(".")[2]))
    hmac = jwt.encode(
        CLAIMS,
        urlsafe_b64decode(KEY.public["x"] + "="),
        algorithm="HS256",
        headers={"typ": GRANT, "kid": KEY.kid},
    )
    with pytest.raises(BadGrantError):
        check(hmac)
    curve = generate_private_key(SECP256R1())
    found = {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(curve.public_key())), "kid": "c"}
    mixed = jwt.encode(CLAIMS, curve, algorithm="ES256", headers={"typ": GRANT, "kid": "c"})
    with pytest.raises(BadGrantError):
        check(mixed, jwks={"keys": [found]})


def test_attack_every_single_changed_character() -> None:
    """No character of the token can be another one; the last may spell the same bits, and must not pass either way."""
    token = made()
    for place in range(len(token)):
        if token[place] == ".":
            continue
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        if place == len(token) - 1:
            continue  # of the last character four bits count: another spelling of the same signature
        with pytest.raises(BadGrantError):
            check(changed)


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "x" * 3_000,
        "ä.ö.ü",
        urlsafe_b64encode(b"[" * 1_400).decode() + ".e30.x",
        "null",
    ],
)
def test_what_is_no_token_is_refused_and_nothing_else(token: str) -> None:
    """No other error escapes."""
    with pytest.raises(BadGrantError):
        check(token)


def test_a_level_that_nobody_knows_is_our_own_mistake() -> None:
    """Else a misspelt level would be met by everybody."""
    with pytest.raises(ValueError, match="known"):
        check(made(), acr="aal2")
