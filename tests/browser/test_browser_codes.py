"""Codes of an authenticator app (the OATH Toolkit's), by mail, and for recovery; with JavaScript and without."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import name_of
from tests.browser.person import SENTENCE, Person
from tests.browser.watched import Watched
from tests.browser.world import World

NOT_ACCEPTED = "That was not accepted. Check it and try again, or use another way."


@pytest.fixture(params=["with JavaScript", "without JavaScript"])
def anybody(watched: Watched, world: World, request: pytest.FixtureRequest) -> Person:
    """Somebody whose browser runs scripts, and somebody whose browser does not."""
    page = watched.open(java_script_enabled=request.param == "with JavaScript")
    return Person(world, page, name_of(request), watched.address)


def test_an_authenticator_app_is_enrolled_and_its_codes_approve_transfers(anybody: Person) -> None:
    """The code is typed in two groups, as people read it; a wrong one is told in words first."""
    anybody.security_page()
    device = anybody.add_totp()
    anybody.transfer()
    anybody.sees(SENTENCE)
    anybody.type_code("000000")
    expect(anybody.page.get_by_role("alert")).to_have_text(NOT_ACCEPTED)
    expect(anybody.page.get_by_label("Code from your authenticator app")).to_be_focused()
    anybody.type_code(device.code())
    anybody.done()
    (passed,) = anybody.world.bank.collected[anybody.name]
    assert passed["aal"] == 2
    assert "otp" in passed["amr"]


def test_a_code_by_mail_is_enrolled_and_confirms_what_is_not_much(anybody: Person) -> None:
    """It opens the security page again. A transfer is more than it may approve."""
    address = f"{anybody.name}@mail.example"
    anybody.security_page()
    anybody.page.get_by_role("link", name="Add a mail address").click()
    anybody.fill("Mail address", address)
    anybody.press("Send a code")
    anybody.fill("Code from the mail", anybody.world.letters.code(address))
    anybody.press("Confirm")
    expect(anybody.page.get_by_role("status")).to_have_text("Added.")
    anybody.transfer()
    anybody.sees("There is no way to confirm this")
    anybody.security_page()
    anybody.press(f"Send a code to {address[0]}•••@mail.example")
    expect(anybody.page.get_by_role("status").first).to_contain_text("Sent.")
    letter = anybody.world.letters.newest(address, 3)
    assert "Open your security page" in letter, letter
    anybody.fill("Code from the mail", anybody.world.letters.code(address, 3))
    anybody.press("Confirm")
    anybody.sees("Your security")


def test_a_recovery_code_lets_somebody_in_who_lost_the_device(anybody: Person) -> None:
    """After wrong passwords a sign-in asks for more; one of the codes that were kept does it, once."""
    anybody.security_page()
    codes = anybody.add_recovery()
    assert len(set(codes)) == 10
    anybody.page.goto(f"{anybody.world.bank.url}/sign-in-guessed-at?actor={anybody.name}")
    anybody.fill("Recovery code", codes[3])
    anybody.press("Confirm")
    anybody.sees("login: allow")
    anybody.page.goto(f"{anybody.world.bank.url}/sign-in-guessed-at?actor={anybody.name}")
    anybody.fill("Recovery code", codes[3])
    anybody.press("Confirm")
    expect(anybody.page.get_by_role("alert")).to_have_text(NOT_ACCEPTED)


def test_recovery_codes_are_shown_once(person: Person) -> None:
    """Going back to them shows that they were shown, and nothing of them."""
    person.security_page()
    person.press("Make new recovery codes")
    first = person.page.locator("#codes code").first.text_content() or "none"
    with person.page.expect_download() as saved:
        person.press("Save as a text file")
    assert first in saved.value.path().read_text()
    person.page.reload()
    expect(person.page.get_by_role("status")).to_contain_text("Recovery codes are shown once only.")
    assert first not in person.page.content()


def test_a_passkey_needs_a_script_and_the_page_says_so(watched: Watched, person: Person) -> None:
    """Whoever has a passkey and no JavaScript is told, and has the other ways."""
    person.security_page()
    person.add_passkey()
    device = person.confirm_change_and_add_totp()
    plain = watched.open(java_script_enabled=False)
    take_cookie(person.page, plain)
    person.page = plain
    person.transfer()
    expect(plain.locator("noscript p")).to_be_visible()
    expect(plain.locator("noscript p")).to_contain_text("A passkey needs JavaScript")
    expect(plain.get_by_role("button", name="Use your passkey")).to_be_hidden()
    person.type_code(device.code())
    person.done()


def test_the_whole_challenge_is_done_by_keyboard(person: Person) -> None:
    """Nothing but Tab, Space and Enter, from the top of the page; every stop is seen."""
    person.security_page()
    device = person.add_totp()
    person.transfer()
    person.sees(SENTENCE)
    page = person.page
    stops = []
    for _ in range(20):
        page.keyboard.press("Tab")
        stops.append(page.evaluate("document.activeElement.textContent.trim() || document.activeElement.id"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid", stops
        if stops[-1] == "totp-code":
            break
    assert stops[0] == "Deutsch"
    page.keyboard.type(device.code())
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_label("Remember this device")).to_be_checked()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Confirm")).to_be_focused()
    page.keyboard.press("Enter")
    person.done()


def test_the_page_changes_its_language_and_keeps_the_way_back(person: Person) -> None:
    """In German to the end, with the amount as Germans write it."""
    person.security_page()
    device = person.add_totp()
    person.transfer()
    person.page.get_by_role("link", name="Deutsch").click()
    person.sees("1.200,00\u00a0EUR an DE89 3704 0044 0532 0130 00 überweisen")
    person.fill("Code aus Ihrer Authenticator-App", device.code())
    person.press("Bestätigen")
    person.done()


def take_cookie(one: Page, other: Page) -> None:
    """The second browser is signed in to the bank as the first one is."""
    kept = [{**cookie} for cookie in one.context.cookies() if cookie.get("name") == "bank"]
    other.context.add_cookies(kept)  # type: ignore[arg-type]
