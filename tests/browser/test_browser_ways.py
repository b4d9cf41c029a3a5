"""Ways through a challenge: two tabs, two browsers, the back button, a popup, a refusal, a remembered device."""

from playwright.sync_api import Page, expect

from tests.browser.passkey_machine import PasskeyMachine
from tests.browser.person import SENTENCE, Person
from tests.browser.watched import Watched

SUBMIT = """(code) => {
  const field = document.getElementById("totp-code");
  field.value = code;
  setTimeout(() => field.form.requestSubmit());
}"""


LOST = {"not collected: challenge.closed", "This request is closed"}
"""What the slower one is told: by the bank, where it was sent on to it, or by our page."""


def title(page: Page) -> str:
    """The main heading of the page that comes."""
    heading = page.get_by_role("heading", level=1)
    expect(heading).not_to_have_text(SENTENCE)
    return heading.text_content() or ""


def test_of_two_tabs_that_race_one_transfer_is_made(person: Person) -> None:
    """Both send the right code at once, in the same browser: the bank is allowed once."""
    person.security_page()
    device = person.add_totp()
    person.transfer()
    other = person.page.context.new_page()
    other.goto(person.page.url)
    code = device.code()
    for tab in (person.page, other):
        tab.evaluate(SUBMIT, code)
    first, second = sorted(map(title, (person.page, other)), key="transfer: allow".__ne__)
    assert (first, second in LOST) == ("transfer: allow", True), second
    assert len(person.world.bank.collected[person.name]) == 1
    assert len(person.world.log("challenge.passed", person.name)) == 1


def test_a_tab_that_comes_too_late_says_that_it_was_confirmed(person: Person) -> None:
    """The same challenge again in the same browser is confirmed already; nothing can be sent there."""
    person.security_page()
    device = person.add_totp()
    person.transfer()
    other = person.page.context.new_page()
    other.goto(person.page.url)
    person.type_code(device.code())
    person.done()
    other.reload()
    expect(other.get_by_role("heading", level=1)).to_have_text("You have confirmed this already")
    expect(other.get_by_role("textbox")).to_have_count(0)


def test_attack_a_challenge_opened_in_another_browser_is_shown_nothing(
    person: Person, watched: Watched
) -> None:
    """The address alone is worth nothing to whoever opens it second, and the first one goes on."""
    person.security_page()
    device = person.add_totp()
    person.transfer()
    other = watched.open()
    other.goto(person.page.url)
    expect(other.get_by_role("heading", level=1)).to_have_text("This was opened in another browser")
    assert "1,200.00" not in other.content()
    person.type_code(device.code())
    person.done()


def test_going_back_after_it_was_confirmed_sends_nothing_again(person: Person) -> None:
    """The back button shows that it is done, and the way on."""
    person.security_page()
    device = person.add_totp()
    person.transfer()
    person.type_code(device.code())
    person.done()
    person.page.go_back()
    person.sees("You have confirmed this already")
    assert len(person.world.log("challenge.passed", person.name)) == 1
    assert not person.world.log("challenge.answered", person.name)


def test_this_was_not_me_ends_the_challenge_and_tells_the_bank(person: Person) -> None:
    """It is recorded, the bank hears of it, and the same attempt is looked at more strictly."""
    person.security_page()
    person.add_totp()
    person.transfer()
    person.page.get_by_text("This wasn’t me").click()
    person.press("It wasn’t me")
    person.sees("Thank you for telling us")
    person.page.get_by_role("link", name="Back to the application").click()
    person.sees("refused: denied")
    (ended,) = person.world.log("challenge.failed", person.name)
    assert (ended["reason"], ended["by"]) == ("denied", "page")
    again = person.world.bank.order(*person.at_bank, 120_000, "DE02")
    assert "challenge-denied" in {reason["rule"] for reason in again["reasons"]}


def test_cancelling_goes_back_and_approves_nothing(person: Person) -> None:
    """The bank hears that it was cancelled."""
    person.security_page()
    person.add_totp()
    person.transfer()
    person.page.get_by_role("link", name="Cancel and go back").click()
    person.sees("refused: cancelled")
    assert not person.world.log("challenge.passed", person.name)


def test_a_device_is_remembered_and_can_be_forgotten(person: Person) -> None:
    """The bank gets the token of the device with the grant; the security page lists it, and forgets it."""
    person.security_page()
    machine = person.add_passkey()
    person.transfer()
    person.page.get_by_label("Remember this device").check()
    person.press("Use your passkey")
    person.done()
    (passed,) = person.world.bank.collected[person.name]
    assert passed["device"]
    assert passed["device"] not in person.page.url
    person.security_page()
    person.press("Use your passkey")
    person.press("Forget")
    expect(person.page.get_by_role("status")).to_have_text("Forgotten.")
    expect(person.page.get_by_role("heading", name="Device 1")).to_have_count(0)
    assert machine.credentials


def test_in_a_popup_the_page_of_the_bank_stays_and_gets_the_code(person: Person) -> None:
    """By the module that the bank imports; the message goes to the bank's origin, and comes from ours."""
    person.security_page()
    machine = person.add_passkey()
    keys = machine.credentials
    page = person.page
    page.goto(person.world.bank.url)
    with page.expect_popup() as opened:
        person.press("Pay")
    popup = opened.value
    expect(popup.get_by_role("heading", level=1)).to_contain_text("Transfer 99.00 EUR to FR76")
    PasskeyMachine(popup).take(keys)
    with popup.expect_event("close"):
        popup.get_by_role("button", name="Use your passkey").click()
    expect(page.locator("#said")).to_have_text("transfer: allow")
    (heard,) = page.evaluate("window.heard")
    assert heard["origin"] == person.world.url
    assert set(heard) == {"origin", "type", "challenge", "code", "state"}


def test_a_popup_that_is_left_says_why(person: Person) -> None:
    """Cancelled, denied and closed are three answers."""
    person.security_page()
    person.add_totp()
    page, said = person.page, person.page.locator("#said")
    page.goto(person.world.bank.url)
    with page.expect_popup() as opened:
        person.press("Pay")
    opened.value.close()
    expect(said).to_have_text("refused: closed")
    with page.expect_popup() as opened:
        person.press("Pay")
    opened.value.get_by_role("link", name="Cancel and go back").click()
    expect(said).to_have_text("refused: cancelled")
    with page.expect_popup() as opened:
        person.press("Pay")
    opened.value.get_by_text("This wasn’t me").click()
    opened.value.get_by_role("button", name="It wasn’t me").click()
    opened.value.get_by_role("link", name="Back to the application").click()
    expect(said).to_have_text("refused: denied")


def test_attack_a_page_of_no_registered_application_hears_nothing(person: Person, watched: Watched) -> None:
    """Somebody else's page opens the challenge as a popup and waits for the message: there is no way back to it."""
    person.security_page()
    machine = person.add_passkey()
    keys = machine.credentials
    challenge = person.world.bank.order(*person.at_bank, 120_000, "DE02")["challenge"]["url"]
    evil = person.world.bank.url.replace("localhost", "127.0.0.1")
    watched.allow(evil)
    person.page.goto(evil)
    with person.page.expect_popup() as opened:
        person.page.evaluate(
            "([url, back]) => void window.open(`${url}?mode=popup&state=x&return_to=${encodeURIComponent(back)}`)",
            [challenge, evil],
        )
    popup = opened.value
    expect(popup.get_by_role("button", name="Use your passkey")).to_be_visible()
    assert popup.evaluate("window.opener") is None
    PasskeyMachine(popup).take(keys)
    popup.get_by_role("button", name="Use your passkey").click()
    expect(popup.get_by_role("heading", level=1)).to_have_text("Confirmed")
    assert person.page.evaluate("window.heard") == []
    assert not person.world.bank.collected.get(person.name)


def test_attack_no_page_of_ours_is_shown_in_a_frame(person: Person, watched: Watched) -> None:
    """Clickjacking: the browser refuses, by our policy."""
    person.security_page()
    person.add_totp()
    person.transfer()
    person.sees(SENTENCE)
    url = person.page.url
    page = watched.open(bypass_csp=True)
    page.goto(person.world.bank.url)
    page.evaluate(
        "(url) => { const it = document.createElement('iframe'); it.src = url; document.body.append(it); }",
        url,
    )
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name=SENTENCE)).to_have_count(0)
    watched.complaints.clear()
