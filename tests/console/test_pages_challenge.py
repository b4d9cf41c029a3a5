"""The challenge page: what it shows, what each way to confirm sends, and how a person comes back."""

import json
import re

import pytest

from stepwarden.errors import (
    BusyError,
    ChallengeNotReadyError,
    CourierError,
    FactorLockedError,
    NotWitnessedError,
    StepwardenError,
)
from stepwarden.flow.shown import Choice
from tests.console.fake_flow import ALL_CHOICES, CODE, MINUTE, NOW, PASSKEY, RIGHT
from tests.console.page_visitor import BACK, SHOP, House, Visitor

URL = f"/step-up/12-transfer?{BACK}"
pytestmark = pytest.mark.anyio


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def visitor(house: House) -> Visitor:
    return house.visitor()


async def test_the_page_says_what_is_approved_by_whom_and_why(visitor: Visitor) -> None:
    """The sentence, every parameter, the person, the reasons that speak against it, and until when."""
    page = (await visitor.get(URL)).page
    for text in (
        "Transfer 1,200.00 EUR to DE89 3704 0044 0532 0130 00",
        "120000",
        "anna@example.com",
        "08:05 UTC",
    ):
        assert text in page.text
    assert "You have not used this device before" in page.text
    assert "usually work" not in page.text


async def test_the_page_speaks_the_language_that_was_asked_for(visitor: Visitor) -> None:
    """By the address first, then what was chosen before, then the browser's setting."""
    german = await visitor.get(URL, accept_language="fr, de-CH;q=0.8, en;q=0.5")
    assert '<html lang="de">' in german.body
    assert "1.200,00 EUR an" in german.body
    assert '<html lang="en">' in (await visitor.get(URL + "&lang=en", accept_language="de")).body
    assert '<html lang="en">' in (await visitor.get(URL, accept_language="de")).body


async def test_details_are_folded_only_where_the_sentence_says_them_all(
    house: House, visitor: Visitor
) -> None:
    """A parameter that the policy's words leave out, or one with odd letters, is in sight at once."""

    async def is_open() -> bool:
        return 'class="all" open' in (await visitor.get(URL)).body

    assert not await is_open()
    for extra in ({"memo": "rent"}, {"to": "DE89 \u0430"}, {"to": "x" * 200}):
        house.pages.add(parameters={"amount": 1, "currency": "EUR", "to": "x"} | extra)
        assert await is_open(), extra
    house.pages.add(approval=None)
    assert await is_open()


@pytest.mark.parametrize(
    ("factor", "typed", "sent"),
    [("totp", " 123 456 ", RIGHT), ("webauthn", PASSKEY, PASSKEY), ("recovery", RIGHT, RIGHT)],
)
async def test_a_right_answer_leads_back_with_a_code(
    house: House, visitor: Visitor, factor: str, typed: str, sent: str
) -> None:
    """303 to the application with code, challenge and state; the token of the remembered device is not in it."""
    form = (await visitor.get(URL)).page.form("/answer", factor=factor)
    answer = await visitor.submit(form, answer=typed, remember="on")
    assert answer.status == 303
    assert answer.location == f"{SHOP}/done?cart=1&challenge=12-transfer&code={CODE}&state=st-1"
    assert house.pages.asked[-1] == ("answered", factor, sent, True)
    assert "device-cookie-secret" not in answer.body + str(answer.headers)


async def test_a_wrong_answer_is_one_sentence_and_a_way_on(visitor: Visitor) -> None:
    """After a redirect, so that nothing is sent twice; the field is marked, described and in focus."""
    form = (await visitor.get(URL)).page.form("/answer", factor="totp")
    answer = await visitor.submit(form, answer="000000")
    assert answer.status == 303
    page = (await visitor.follow(answer)).page
    assert "That was not accepted" in page.text
    (field,) = [one for one in page.all("input") if one.get("id") == "totp-code"]
    assert field["aria-invalid"] == "true"
    assert "failed" in field["aria-describedby"].split()
    assert "autofocus" in field


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (FactorLockedError("x"), "too many wrong answers"),
        (NotWitnessedError("x"), "recorded safely"),
        (BusyError("x"), "Too much at once"),
        (ChallengeNotReadyError("x"), "Transfer"),
    ],
)
async def test_what_goes_wrong_with_an_answer_is_said_on_the_page(
    house: House, visitor: Visitor, error: StepwardenError, text: str
) -> None:
    """The challenge stays open, and so does the page."""
    form = (await visitor.get(URL)).page.form("/answer", factor="totp")
    house.pages.fails["answer"] = error
    answer = await visitor.follow(await visitor.submit(form, answer=RIGHT))
    assert answer.status == 200
    assert text in answer.page.text


async def test_a_code_is_sent_and_can_be_sent_again(house: House, visitor: Visitor) -> None:
    """The message has what is approved in the person's language; then there is a field for the code."""
    house.pages.add(choices=(Choice(factor="email", credential="e1", hint="a•••@example.com"),))
    page = (await visitor.get(URL + "&lang=de")).page
    assert not [one for one in page.all("input") if one.get("id") == "email-code"]
    answer = await visitor.submit(page.form("/send", factor="email"))
    sent = house.pages.asked[-1]
    assert sent[:3] == ("sent", "email", "e1")
    assert sent[3] == "1.200,00 EUR an DE89 3704 0044 0532 0130 00 überweisen"
    page = (await visitor.follow(answer)).page
    assert page.form("/answer", factor="email")
    assert [one["data-after"] for one in page.all("button") if "data-after" in one] == ["30"]


@pytest.mark.parametrize(
    ("error", "text"), [(CourierError("x"), "could not be sent"), (BusyError("x"), "Too much")]
)
async def test_a_code_that_could_not_be_sent_is_said(
    house: House, visitor: Visitor, error: StepwardenError, text: str
) -> None:
    """And nothing of the courier's own message."""
    house.pages.add(choices=(Choice(factor="sms", credential="s1", hint="•••23"),))
    form = (await visitor.get(URL)).page.form("/send")
    house.pages.fails["send"] = error
    assert text in (await visitor.follow(await visitor.submit(form))).page.text


async def test_a_push_shows_its_number_and_is_waited_for(house: House, visitor: Visitor) -> None:
    """Without a script by reloading; a script hears where to go on, never the code."""
    house.pages.add(choices=(Choice(factor="push", credential="p1"),))
    answer = await visitor.submit((await visitor.get(URL)).page.form("/send"))
    wait = await visitor.follow(answer)
    assert re.search(r'class="number"[^>]*>42<', wait.body)
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in wait.body
    polled = await visitor.get(answer.location, accept="application/json")
    assert json.loads(polled.body) == {"waiting": True}
    house.pages.passed = object()  # type: ignore[assignment]
    polled = await visitor.get(answer.location, accept="application/json")
    assert CODE not in polled.body
    done = await visitor.get(json.loads(polled.body)["next"])
    assert done.location.startswith(f"{SHOP}/done?cart=1&challenge=12-transfer&code={CODE}")


async def test_a_push_that_was_refused_sends_the_script_to_the_page_that_says_so(
    house: House, visitor: Visitor
) -> None:
    """And a browser without script sees that page at once."""
    await visitor.get(URL)
    house.pages.open.clear()
    wait = f"/step-up/12-transfer/wait?{BACK}"
    polled = await visitor.get(wait, accept="application/json")
    assert (await visitor.get(json.loads(polled.body)["next"])).status == 410
    assert (await visitor.get(wait)).status == 410


async def test_the_provider_is_gone_to_by_a_page_of_ours_and_come_back_from(
    house: House, visitor: Visitor
) -> None:
    """Because form-action does not name the provider; the way back is remembered for that browser."""
    house.pages.add(choices=ALL_CHOICES)
    forward = await visitor.submit((await visitor.get(URL)).page.form("/provider"))
    assert forward.status == 200
    assert (
        'content="0; url=https://login.example.net/authorize?client_id=x&amp;state=op-state"' in forward.body
    )
    failed = await visitor.get("/openid/callback?state=op-state&error=access_denied")
    assert "did not confirm" in (await visitor.follow(failed)).page.text
    await visitor.submit((await visitor.get(URL)).page.form("/provider"))
    back = await visitor.get("/openid/callback?state=op-state&code=c")
    assert back.location.startswith(f"{SHOP}/done?cart=1&challenge=12-transfer&code={CODE}")


async def test_saying_that_it_was_not_me_closes_the_challenge(house: House, visitor: Visitor) -> None:
    """The page thanks, and leads back with the reason."""
    page = (await visitor.get(URL)).page
    answer = await visitor.submit(page.form("/deny"))
    assert "recorded that it was not you" in answer.page.text
    assert f"{SHOP}/done?cart=1&amp;challenge=12-transfer&amp;error=denied&amp;state=st-1" in answer.body
    assert not house.pages.open


async def test_two_clicks_come_to_the_same_as_one(house: House, visitor: Visitor) -> None:
    """The second answer finds the challenge closed, and goes where the first went."""
    form = (await visitor.get(URL)).page.form("/answer", factor="totp")
    first = await visitor.submit(form, answer=RIGHT)
    second = await visitor.follow(await visitor.submit(form, answer=RIGHT))
    assert second.location == first.location
    back_button = await visitor.get(URL)
    assert back_button.status == 410
    assert "confirmed this already" in back_button.page.text
    house.now += 3 * MINUTE
    assert "confirmed this already" not in (await visitor.get(URL)).page.text


async def test_each_state_has_a_page_that_says_what_to_do(house: House, visitor: Visitor) -> None:
    """Closed, another browser's, not ready, nothing to confirm with, locked."""
    assert "begin again in the application" in (await visitor.get(f"/step-up/gone?{BACK}")).page.text
    await visitor.get(URL)
    elsewhere = await house.visitor().get(URL)
    assert elsewhere.status == 403
    assert "another browser" in elsewhere.page.text
    house.pages.add(ready=False, choices=())
    assert "Sign in first" in (await visitor.get(URL)).page.text
    house.pages.add(choices=())
    assert "no way to confirm" in (await visitor.get(URL)).page.text
    house.pages.add(choices=(Choice(factor="totp", locked_until=NOW + MINUTE), Choice(factor="recovery")))
    page = (await visitor.get(URL)).page
    assert "locked after too many wrong answers, until 08:01 UTC" in page.text
    assert page.form("/answer", factor="recovery")


async def test_a_popup_gets_a_page_that_tells_the_window_behind_it(visitor: Visitor) -> None:
    """The code comes by fetch, for that browser only; without a script there is a link."""
    form = (await visitor.get(URL + "&mode=popup")).page.form("/answer", factor="totp")
    answer = await visitor.submit(form, answer=RIGHT)
    done = await visitor.get(answer.location)
    assert done.headers["cross-origin-opener-policy"] == "unsafe-none"
    assert f'data-app="{SHOP}"' in done.body
    assert CODE not in done.body
    told = json.loads((await visitor.get(answer.location, accept="application/json")).body)
    assert told == {"challenge": "12-transfer", "code": CODE, "state": "st-1"}
    (link,) = [one["href"] for one in done.page.all("a") if one.get("id") == "go"]
    assert CODE in (await visitor.get(link)).location


async def test_no_form_is_lost_where_every_way_is_offered(house: House, visitor: Visitor) -> None:
    """Each choice has its form, without any script; "remember this device" stands there once."""
    house.pages.add(choices=ALL_CHOICES, sent=("email", "sms"))
    page = (await visitor.get(URL)).page
    for factor in ("webauthn", "totp", "sms", "email", "recovery"):
        assert page.form("/answer", factor=factor)
    assert page.form("/send", factor="email", credential="e2")
    assert page.form("/send", factor="push")
    assert page.form("/provider")
    assert len([one for one in page.all("input") if one.get("id") == "remember"]) == 1
