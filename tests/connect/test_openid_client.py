"""Step-up at an OpenID provider: the way there and back, and everybody who stands on it."""

import asyncio
import doctest
import os
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]  # ships no types

from stepwarden.connect.openid import metadata, pending
from stepwarden.connect.openid.client import ProviderClient, provider_http
from stepwarden.connect.urls import guarded_client
from stepwarden.errors import ProviderError
from stepwarden.flow import provider_proof
from stepwarden.flow.provider_proof import ProviderProof
from tests.connect.openid_house import NOW, Clock, House, house, settings_for
from tests.connect.openid_provider import CALLBACK, SECRET, provider_at_work
from tests.connect.small_servers import make_certificates

MICRO = 1_000_000


def query_of(url: str) -> dict[str, str]:
    return {name: value[-1] for name, value in parse_qs(urlsplit(url).query).items()}


def without(url: str, *names: str) -> str:
    """The URL as somebody on its way would leave it."""
    kept = {name: value for name, value in query_of(url).items() if name not in names}
    return f"{url.partition('?')[0]}?{urlencode(kept)}"


async def refused(there: House, **came: str) -> str:
    with pytest.raises(ProviderError) as caught:
        await there.client.finish(**came)
    assert caught.value.code == "provider.refused"
    assert not caught.value.public
    return str(caught.value)


def test_the_examples_in_the_modules_hold() -> None:
    """A docstring is a specification."""
    for module in (pending, metadata, provider_proof):
        assert doctest.testmod(module) == doctest.TestResults(0, doctest.testmod(module).attempted)


@pytest.mark.parametrize("methods", [("client_secret_basic",), ("client_secret_post",)])
@pytest.mark.parametrize("pushes", [True, False])
def test_a_step_up_goes_there_and_back(pushes: bool, methods: tuple[str, ...]) -> None:
    """With an independent provider, which checks PKCE, the client's secret and the redirect URI."""

    async def run() -> None:
        async with house(pushes=pushes, methods=methods) as there:
            assert await there.step_up() == ProviderProof(
                challenge="c1",
                issuer=there.provider.issuer,
                subject="ann",
                aal=2,
                amr=("otp", "pwd"),
                auth_time=NOW * MICRO,
            )
            assert there.provider.count("/push") == pushes

    asyncio.run(run())


def test_a_step_up_goes_over_tls_with_the_name_checked(tmp_path: Path) -> None:
    """The guarded client trusts the certificate for the provider's name, and https is all that it needs."""
    trust = make_certificates(tmp_path, "localhost")

    async def run() -> None:
        clock = Clock()
        async with (
            provider_at_work(clock, tls=trust.server) as provider,
            guarded_client(timeout=10, allow_private=True, allow_http=False, verify=trust.client) as http,
            httpx.AsyncClient(trust_env=False, verify=trust.client) as browser,
        ):
            client = ProviderClient(
                settings_for(provider), redirect_uri=CALLBACK, entropy=os.urandom, clock=clock, http=http
            )
            assert (await House(provider, client, clock, browser).step_up()).aal == 2

    asyncio.run(run())


def test_a_pushed_request_leaves_nothing_in_the_url() -> None:
    """The browser carries a reference; what it stands for, and that PKCE is S256, the provider has from us."""

    async def run() -> None:
        async with house() as there:
            begun = await there.begin()
            assert set(query_of(begun.url)) == {"tenant", "client_id", "request_uri"}
            (sent,) = [form for path, form in there.provider.heard if path == "/push"]
            assert sent["state"] == begun.state
            assert len(begun.state) == 43
            assert {name: sent[name] for name in ("acr_values", "max_age", "prompt", "login_hint")} == {
                "acr_values": "gold",
                "max_age": "0",
                "prompt": "login",
                "login_hint": "ann",
            }
            await there.client.finish(**await there.visit(begun.url))
            (redeemed,) = [form for path, form in there.provider.heard if path == "/token"]
            assert sent["code_challenge_method"] == "S256"
            assert create_s256_code_challenge(redeemed["code_verifier"]) == sent["code_challenge"]
            assert SECRET not in str(there.provider.heard)

    asyncio.run(run())


def test_a_session_that_is_young_enough_counts_where_that_was_allowed() -> None:
    """The time that comes back is the provider's, which is older than the step-up."""

    async def run() -> None:
        async with house(session=NOW - 200) as there:
            proof = await there.step_up(max_age=300)
            assert proof.auth_time == (NOW - 200) * MICRO

    asyncio.run(run())


def test_a_list_of_levels_is_asked_for_by_the_claims_parameter() -> None:
    """As Entra ID has it: ``acrs`` in place of ``acr``."""
    entra = {"level_claim": "acrs", "acr": {"c1": 2, "c2": 3}, "acr_values": "c1"}

    async def run() -> None:
        async with house(entra, pushes=False) as there:
            begun = await there.begin()
            sent = query_of(begun.url)
            assert sent["claims"] == '{"id_token":{"acrs":{"essential":true,"value":"c1"}}}'
            assert "acr_values" not in sent
            assert (await there.client.finish(**await there.visit(begun.url))).aal == 2

    asyncio.run(run())


def test_attack_levels_that_were_not_asked_for_raise_nobody() -> None:
    """A provider lists contexts that the person is merely entitled to: they were not proved for this."""
    entra = {"level_claim": "acrs", "acr": {"c1": 2, "c2": 3}, "acr_values": "c1"}

    async def run() -> None:
        async with house(entra, also=("c2",)) as there:
            assert (await there.step_up()).aal == 2
            there.provider.saying = lambda claims: claims | {"acrs": ["c2"]}
            await refused(there, **await there.visit((await there.begin()).url))

    asyncio.run(run())


@pytest.mark.parametrize("gone", [("acr_values",), ("acr_values", "max_age", "prompt")])
def test_attack_acr_values_stripped_on_the_way(gone: tuple[str, ...]) -> None:
    """Without pushed requests the person can take them out of the URL; the answer then lacks the level."""

    async def run() -> None:
        async with house(pushes=False, session=NOW - 30) as there:
            begun = await there.begin()
            why = await refused(there, **await there.visit(without(begun.url, *gone)))
            assert why == "the provider does not say that a level was proved: acr"

    asyncio.run(run())


def test_attack_max_age_stripped_on_the_way() -> None:
    """The session of yesterday is then used, and its time tells."""

    async def run() -> None:
        async with house(pushes=False, session=NOW - 86_400) as there:
            begun = await there.begin()
            why = await refused(there, **await there.visit(without(begun.url, "max_age", "prompt")))
            assert why == "the person was not asked again: auth_time"

    asyncio.run(run())


def test_attack_parameters_beside_a_pushed_request_change_nothing() -> None:
    """What was pushed is what counts."""

    async def run() -> None:
        async with house(session=NOW - 86_400) as there:
            begun = await there.begin()
            assert (
                await there.client.finish(**await there.visit(begun.url + "&acr_values=silver&max_age=99999"))
            ).aal == 2

    asyncio.run(run())


def test_attack_another_persons_code_is_injected() -> None:
    """A code of another session does not fit the PKCE verifier of this one, and both are then gone."""

    async def run() -> None:
        async with house() as there:
            mine, theirs = await there.begin("mine"), await there.begin("theirs")
            stolen = await there.visit(theirs.url)
            came = await there.visit(mine.url)
            assert (
                await refused(there, **came | {"code": stolen["code"]})
                == "the provider answered with status 400"
            )
            await refused(there, **came)

    asyncio.run(run())


def test_attack_an_injected_code_meets_the_nonce_where_pkce_is_not_checked() -> None:
    """A provider that ignores PKCE: the token is for another request."""

    async def run() -> None:
        async with house() as there:
            mine, theirs = await there.begin("mine"), await there.begin("theirs")
            came, stolen = await there.visit(mine.url), await there.visit(theirs.url)
            kept = there.provider.codes
            # The provider now checks the code of theirs against the PKCE challenge of mine.
            kept[stolen["code"]].asked["code_challenge"] = kept[came["code"]].asked["code_challenge"]
            why = await refused(there, **came | {"code": stolen["code"]})
            assert why == "the identity token is for another request: nonce"

    asyncio.run(run())


def test_attack_a_state_is_replayed() -> None:
    """It is good once, whether it was right or wrong."""

    async def run() -> None:
        async with house() as there:
            came = await there.visit((await there.begin()).url)
            await there.client.finish(**came)
            why = await refused(there, **came)
            assert why == "no step-up was begun with this state, or it took too long"
            other = await there.visit((await there.begin()).url)
            await refused(there, **other | {"code": "made-up"})
            assert await refused(there, **other) == why
            assert there.provider.count("/token") == 2

    asyncio.run(run())


def test_attack_fifty_answers_with_one_state_at_once() -> None:
    """One of them counts."""

    async def run() -> None:
        async with house() as there:
            came = await there.visit((await there.begin()).url)
            ends = await asyncio.gather(
                *(there.client.finish(**came) for _ in range(50)), return_exceptions=True
            )
            assert sum(isinstance(end, ProviderProof) for end in ends) == 1
            assert sum(isinstance(end, ProviderError) for end in ends) == 49
            assert there.provider.count("/token") == 1

    asyncio.run(run())


def test_attack_the_state_of_another_challenge_proves_that_one_only() -> None:
    """A proof names the challenge it was begun for, whichever page it is brought to."""

    async def run() -> None:
        async with house() as there:
            await there.begin("transfer")
            cheap = await there.begin("newsletter")
            assert (await there.client.finish(**await there.visit(cheap.url))).challenge == "newsletter"

    asyncio.run(run())


@pytest.mark.parametrize("state", ["", "made-up", "\ud800", "x" * 100_000])
def test_attack_a_state_that_we_never_gave(state: str) -> None:
    """The provider is not asked."""

    async def run() -> None:
        async with house() as there:
            came = await there.visit((await there.begin()).url)
            await refused(there, **came | {"state": state})
            assert there.provider.count("/token") == 0

    asyncio.run(run())


@pytest.mark.parametrize("moved", [600, -1])
def test_attack_coming_back_too_late_or_before_one_left(moved: int) -> None:
    """Ten minutes by our clock; one that is set back extends nothing."""

    async def run() -> None:
        async with house() as there:
            came = await there.visit((await there.begin()).url)
            there.clock.seconds += moved
            await refused(there, **came)

    asyncio.run(run())


def test_a_person_who_declines_is_refused_and_may_try_again() -> None:
    """The provider's own words about it are not repeated."""

    async def run() -> None:
        async with house(consents=False) as there:
            came = await there.visit((await there.begin()).url)
            assert came["error"] == "access_denied"
            assert await refused(there, **came) == "the provider refused: access_denied"
            other = (await there.begin()).state
            issuer = there.provider.issuer
            why = await refused(there, state=other, code="x", error="<script>\r\n", issuer=issuer)
            assert why == "the provider refused: another error"
            there.provider.consents = True
            assert (await there.step_up()).aal == 2

    asyncio.run(run())


@pytest.mark.parametrize("code", ["", "a\r\nb", "é", "x" * 5_000])
def test_a_code_that_is_none_is_not_sent(code: str) -> None:
    """Nothing, control characters, beyond ASCII, too long."""

    async def run() -> None:
        async with house() as there:
            came = await there.visit((await there.begin()).url)
            assert await refused(there, **came | {"code": code}) == "the answer holds no code"

    asyncio.run(run())


def test_the_client_that_the_service_makes_reaches_the_provider() -> None:
    """Guarded by the settings, and closed with them."""

    async def run() -> None:
        async with house() as there, provider_http(there.client.settings) as http:
            ours = there.client.settings
            made = ProviderClient(
                ours, redirect_uri=CALLBACK, entropy=os.urandom, clock=there.clock, http=http
            )
            there.client = made
            assert made.name == "Example ID"
            assert (await there.step_up()).aal == 2

    asyncio.run(run())


def test_each_step_up_has_its_own_randomness() -> None:
    """256 bits each for state, nonce and verifier, none of them derived from another."""

    async def run() -> None:
        drawn: list[bytes] = []

        def entropy(count: int) -> bytes:
            drawn.append(os.urandom(count))
            return drawn[-1]

        async with house(pushes=False) as there:
            client = ProviderClient(
                there.client.settings,
                redirect_uri=CALLBACK,
                entropy=entropy,
                clock=there.clock,
                http=there.client._remote._http,
            )
            url = (await client.begin(challenge="c", login_hint="", max_age=0)).url
            state, nonce, verifier = (urlsafe_b64encode(one).rstrip(b"=").decode() for one in drawn)
            assert [len(one) for one in drawn] == [32, 32, 32]
            found = query_of(url)
            assert (found["state"], found["nonce"]) == (state, nonce)
            challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
            assert found["code_challenge"] == challenge
            assert "login_hint" not in found

    asyncio.run(run())
