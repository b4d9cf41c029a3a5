"""Several providers, one of them evil: whose answer is it, and who gets the code (RFC 9207; RFC 9700, 4.4)."""

import asyncio

import pytest

from stepwarden.errors import ProviderError
from tests.connect.openid_house import House, house
from tests.connect.openid_provider import answer


async def refused(there: House, **came: str) -> str:
    with pytest.raises(ProviderError) as caught:
        await there.client.finish(**came)
    assert caught.value.code == "provider.refused"
    assert not caught.value.public
    return str(caught.value)


@pytest.mark.parametrize("issuer", ["https://evil.example", "{}/", ""])
def test_attack_mix_up_of_issuers(issuer: str) -> None:
    """An answer that names another issuer, or none where it has to, sends our code nowhere."""

    async def run() -> None:
        async with house() as there:
            came = await there.visit((await there.begin()).url)
            assert came["issuer"] == there.provider.issuer
            wrong = issuer.format(there.provider.issuer)
            assert (
                await refused(there, **came | {"issuer": wrong}) == "the answer is from another issuer: iss"
            )
            assert there.provider.count("/token") == 0

    asyncio.run(run())


def test_attack_mix_up_at_a_provider_that_does_not_name_itself() -> None:
    """It need not name itself, but a name that does come has to be right."""

    async def run() -> None:
        async with house(names_itself=False) as there:
            came = await there.visit((await there.begin()).url)
            assert came["issuer"] == ""
            assert (await there.client.finish(**came)).aal == 2
            other = await there.visit((await there.begin()).url)
            await refused(there, **other | {"issuer": "https://evil.example"})

    asyncio.run(run())


def test_attack_the_state_of_one_provider_is_brought_to_another() -> None:
    """Each client knows its own only; the honest provider's code never reaches the other one."""

    async def run() -> None:
        async with house() as honest, house() as evil:
            came = await honest.visit((await honest.begin()).url)
            await refused(evil, **came)
            await refused(evil, **came | {"state": (await evil.begin()).state})
            assert evil.provider.count("/token") == 0

    asyncio.run(run())


def test_attack_the_token_endpoint_moves_while_the_browser_is_away() -> None:
    """The code goes to where the provider's was when the browser was sent."""

    async def run() -> None:
        async with house(names_itself=False) as there, house() as evil:
            await there.step_up()
            there.clock.seconds += 3_500
            came = await there.visit((await there.begin()).url)
            there.clock.seconds += 599  # the document is fetched anew when the browser is back
            document = there.provider.metadata() | {"token_endpoint": f"{evil.provider.issuer}/token"}
            there.provider.answers["/.well-known/openid-configuration"] = answer(200, document)
            await there.client.finish(**came)
            assert there.provider.count("/.well-known/openid-configuration") == 2
            assert (there.provider.count("/token"), evil.provider.count("/token")) == (2, 0)

    asyncio.run(run())
