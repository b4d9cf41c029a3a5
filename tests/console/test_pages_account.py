"""The security page: what it shows, and that every change is asked for, confirmed, and made as it was asked."""

import pytest

from stepwarden.flow.answers import ReasonText
from tests.console.fake_flow import NOW, PASSKEY, RECOVERY, RIGHT, SECRET, account_page
from tests.console.page_visitor import SHOP, House, Visitor

pytestmark = pytest.mark.anyio
ANSWER = "/answer"


@pytest.fixture
def house() -> House:
    return House()


async def press(visitor: Visitor, end: str, **fields: str) -> str:
    """Press the button of one form of the security page; the address where that leads in the end."""
    page = (await visitor.get("/account")).page
    await visitor.follow(await visitor.submit(page.form(end, **fields)))
    return visitor.last


async def test_a_ticket_is_used_up_and_leaves_the_address(house: House) -> None:
    """303 to the page without it, with a cookie; a second use says that there is nothing."""
    visitor = house.visitor()
    answer = await visitor.get("/account?ticket=ticket-1")
    assert (answer.status, answer.location) == (303, "/account")
    assert "__Host-stepwarden-account" in visitor.cookies
    assert (await house.visitor().get("/account?ticket=ticket-1")).status == 404


async def test_the_page_shows_factors_sessions_devices_and_activity(house: House) -> None:
    """With what each is worth, since when, and where from."""
    visitor = await house.entered()
    text = (await visitor.get("/account")).page.text
    for part in (
        "Work key",
        "can’t be phished",
        "8 codes left",
        "copied to your other devices",
        "Safari, iOS",
        "Device 1",
        "203.0.113.9",
        "Brazil",
        "never used",
    ):
        assert part in text, part


async def test_a_hold_is_said(house: House) -> None:
    """After a recovery code."""
    house.account.page = account_page(hold_until=NOW)
    visitor = await house.entered()
    assert "A recovery code was used" in (await visitor.get("/account")).page.text


async def test_somebody_with_nothing_is_told_to_add_a_passkey(house: House) -> None:
    """An empty page is no dead end."""
    house.account.page = account_page(factors=(), sessions=(), devices=(), activity=())
    visitor = await house.entered()
    page = (await visitor.get("/account")).page
    assert "Add a passkey" in page.text
    assert page.form("/account/passkey")


@pytest.mark.parametrize(
    ("end", "fields", "done"),
    [
        ("/remove", {"credential": "c3"}, ("remove", "totp", "c3")),
        ("/sessions", {"token": "s2"}, ("end_session", "s2")),
        ("/sessions", {"token": ""}, ("end_session", "")),
        ("/devices", {"device": "d1"}, ("forget_device", "d1")),
        ("/activity", {"activity": "29-c"}, ("not_me", "29-c")),
        ("/account/recovery", {}, ("recovery",)),
    ],
)
async def test_a_change_that_is_allowed_is_made(
    house: House, end: str, fields: dict[str, str], done: tuple[str, ...]
) -> None:
    """At once, and said on the page."""
    visitor = await house.entered()
    await press(visitor, end, **fields)
    assert house.account.done == [done]


async def test_a_change_waits_for_its_challenge_and_is_then_made(house: House) -> None:
    """The browser confirms, comes back by itself, and the change is the one that was asked for."""
    visitor = await house.entered()
    house.account.free = False
    assert await press(visitor, "/remove", credential="c3") == "/step-up/9-factor.remove-totp.c3"
    assert not house.account.done
    page = (await visitor.get(visitor.last)).page
    assert "Remove a way to prove that it’s you" in page.text
    await visitor.follow(await visitor.submit(page.form(ANSWER, factor="totp"), answer=RIGHT))
    assert house.account.done == [("remove", "totp", "c3")]
    assert visitor.last == "/account?note=removed"


async def test_opening_the_page_takes_a_challenge_too(house: House) -> None:
    """It is asked for by showing the page, and leads back there."""
    house.account.free = False
    visitor = house.visitor()
    answer = await visitor.follow(await visitor.get("/account?ticket=ticket-1"))
    assert "Open your security page" in answer.page.text
    answer = await visitor.follow(await visitor.submit(answer.page.form(ANSWER, factor="totp"), answer=RIGHT))
    assert visitor.last == "/account"
    assert answer.status == 200


async def test_a_change_that_is_refused_says_why(house: House) -> None:
    """With the reasons, and a way back."""
    visitor = await house.entered()
    page = (await visitor.get("/account")).page
    house.account.refused = (ReasonText(rule="x", text="Too odd <i>", weight=3),)
    answer = await visitor.submit(page.form("/remove", credential="c3"))
    assert answer.status == 403
    assert "Too odd <i>" in answer.page.text
    assert not house.account.done


async def test_an_authenticator_app_is_added_by_its_first_code(house: House) -> None:
    """The picture and the key are shown; a wrong code leaves them as they are."""
    visitor = await house.entered()
    assert await press(visitor, "/account/totp") == "/account/totp"
    shown = await visitor.get("/account/totp")
    assert "JBSW Y3DP EHPK" in shown.page.text
    assert "<svg" in shown.body
    form = shown.page.form("/totp/confirm")
    failed = await visitor.follow(await visitor.submit(form, code="000000", name="Phone"))
    assert "not the code that the app shows" in failed.page.text
    assert "JBSW Y3DP EHPK" in failed.page.text
    await visitor.follow(await visitor.submit(form, code="123 456", name="Phone"))
    assert house.account.done == [("totp", "Phone")]
    assert SECRET not in (await visitor.follow(await visitor.get("/account/totp"))).body


async def test_a_passkey_is_added_and_a_failed_one_begins_again(house: House) -> None:
    """What the browser is to make stands on the form, for the script."""
    visitor = await house.entered()
    await press(visitor, "/account/passkey")
    page = (await visitor.get("/account/passkey")).page
    assert any('"challenge":"AAAA"' in one.get("data-options", "") for one in page.all("form"))
    failed = await visitor.follow(await visitor.submit(page.form("/passkey/confirm"), answer="{}"))
    assert "could not be added" in failed.page.text
    form = failed.page.form("/passkey/confirm")
    await visitor.follow(await visitor.submit(form, answer=PASSKEY, name="Key"))
    assert house.account.done == [("passkey", "Key")]


async def test_an_address_is_added_by_the_code_that_was_sent_there(house: House) -> None:
    """A bad address is said on its form; a wrong code on that of the code."""
    visitor = await house.entered()
    form = (await visitor.get("/account/address?factor=email")).page.form("/account/address")
    failed = await visitor.follow(await visitor.submit(form, address="nonsense"))
    assert "Nothing can be sent to this address" in failed.page.text
    sent = await visitor.follow(await visitor.submit(form, address="anna@example.org"))
    assert "anna@example.org" in sent.page.text
    form = sent.page.form("/address/confirm")
    assert (
        "not the code that was sent" in (await visitor.follow(await visitor.submit(form, code="1"))).page.text
    )
    await visitor.follow(await visitor.submit(form, code=RIGHT))
    assert house.account.done == [("send", "email", "anna@example.org", "en"), ("address",)]


async def test_recovery_codes_are_shown_once(house: House) -> None:
    """Whoever comes back is told that they are gone."""
    visitor = await house.entered()
    page = (await visitor.get("/account")).page
    answer = await visitor.submit(page.form("/account/recovery"))
    shown = await visitor.get(answer.location)
    assert all(code in shown.page.text for code in RECOVERY)
    again = await visitor.follow(await visitor.get("/account/recovery"))
    assert not any(code in again.body for code in RECOVERY)
    assert "shown once only" in again.page.text
    kept = await visitor.follow(await visitor.submit(shown.page.form("/recovery/kept"), kept="on"))
    assert "new recovery codes are valid" in kept.page.text


async def test_leaving_ends_the_page_session_and_goes_back_to_the_application(house: House) -> None:
    """Only to a registered one."""
    visitor = await house.entered()
    page = (await visitor.get("/account")).page
    answer = await visitor.submit(page.form("/leave"))
    assert answer.location == f"{SHOP}/settings"
    assert "__Host-stepwarden-account" not in visitor.cookies
    assert not house.account.sessions
    assert "Open it again from the application" in (await visitor.get("/account")).page.text


async def test_attack_leaving_to_an_application_that_nobody_registered(house: House) -> None:
    """The ticket's address is checked as well, whoever asked for the ticket."""
    house.account.back = "https://evil.example/"
    visitor = await house.entered()
    page = (await visitor.get("/account")).page
    assert (await visitor.submit(page.form("/leave"))).location == "/account"
