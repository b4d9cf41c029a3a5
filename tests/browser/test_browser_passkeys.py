"""Passkeys in a real browser, made and used by Chromium's virtual authenticator; and devices that are not honest."""

import json
from typing import Any

from playwright.sync_api import expect

from tests.browser.person import SENTENCE, Person
from tests.browser.watched import Watched

NOT_ACCEPTED = "That was not accepted. Check it and try again, or use another way."
NOT_USED = "The passkey was not used: cancelled, or it took too long. You can try again."

SIGN = """async (options) => (await navigator.credentials.get({
  publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) })).toJSON()"""


def results(person: Person) -> list[str]:
    """Why answers of this person did not pass, as the log has it and no page says it."""
    return [str(entry["result"]) for entry in person.world.log("challenge.answered", person.name)]


def test_a_passkey_is_enrolled_and_approves_a_transfer_whose_words_the_page_shows(person: Person) -> None:
    """From the security page to the bank, which collects the approval and is allowed to make the transfer."""
    person.security_page()
    person.add_passkey()
    expect(person.page.get_by_role("heading", name="Passkey laptop")).to_be_visible()
    person.transfer()
    person.sees(SENTENCE)
    person.press("Use your passkey")
    person.done()
    (passed,) = person.world.bank.collected[person.name]
    assert passed["aal"] == 2
    assert "swk" in passed["amr"]
    (entry,) = person.world.log("challenge.passed", person.name)
    assert entry["proof"].count(".") == 2
    person.security_page()
    person.press("Use your passkey")
    person.sees("Your security")
    expect(person.page.get_by_text("last used")).to_be_visible()


def test_attack_a_device_that_verified_nobody_approves_nothing(person: Person) -> None:
    """Somebody found the key, and has neither finger nor PIN: the browser gives nothing, and the page says so."""
    person.security_page()
    person.add_passkey().verified(False)
    person.transfer()
    person.press("Use your passkey")
    expect(person.page.get_by_role("alert")).to_have_text(NOT_USED)
    assert not person.world.log("challenge.passed", person.name)


def test_attack_a_script_that_asks_without_verification_is_refused(person: Person) -> None:
    """The same key, asked by a script that waives what our page demands: the device signs, Stepwarden refuses."""
    person.security_page()
    machine = person.add_passkey()
    machine.verified(False)
    person.transfer()
    options = options_of(person) | {"userVerification": "discouraged"}
    hand_in(person, person.page.evaluate(SIGN, options))
    expect(person.page.get_by_role("alert")).to_have_text(NOT_ACCEPTED)
    assert results(person) == ["wrong"]


def test_a_passkey_that_is_cancelled_is_told_in_words_and_another_way_is_open(person: Person) -> None:
    """Nobody touches the device, the page is left and opened again; the authenticator's code does it."""
    person.security_page()
    machine = person.add_passkey()
    device = person.confirm_change_and_add_totp()
    machine.present(False)
    person.transfer()
    button = person.page.get_by_role("button", name="Use your passkey")
    button.click()
    expect(person.page.get_by_role("button", name="Waiting for your device")).to_be_visible()
    person.page.reload()
    machine.forget()
    machine.present(True)
    button.click()
    expect(person.page.get_by_role("alert")).to_have_text(NOT_USED)
    expect(button).to_be_enabled()
    person.type_code(device.code())
    person.done()


def test_attack_the_page_under_another_host_name_gets_no_passkey(person: Person, watched: Watched) -> None:
    """A page that looks like ours but stands elsewhere: the browser does not even ask the device."""
    person.security_page()
    person.add_passkey()
    challenge = person.world.bank.order(*person.at_bank, 120_000, "DE02")["challenge"]
    here = person.world.url.replace("localhost", "127.0.0.1")
    watched.allow(here)
    person.page.goto(f"{here}/step-up/{challenge['id']}")
    person.press("Use your passkey")
    expect(person.page.get_by_role("alert")).to_contain_text("The passkey did not work.")
    assert not person.world.log("challenge.passed", person.name)


def test_attack_an_assertion_that_was_made_on_the_page_of_an_application_is_refused(person: Person) -> None:
    """The bank has the same host name, so that browsers let it use the passkey; its origin gives it away."""
    person.security_page()
    person.add_passkey()
    challenge = person.world.bank.order(*person.at_bank, 120_000, "DE02")["challenge"]["id"]
    options = person.world.api.get(f"/v1/challenges/{challenge}/webauthn").json()
    person.page.goto(person.world.bank.url)
    signed = person.page.evaluate(SIGN, options)
    refused = person.world.bank.call(
        f"/v1/challenges/{challenge}/answer", {"factor": "webauthn", "answer": json.dumps(signed)}, status=403
    )
    assert refused["code"] == "challenge.refused"
    assert results(person) == ["wrong"]


def test_attack_an_assertion_for_one_transfer_does_not_approve_another(person: Person) -> None:
    """What the device signed is the commitment to one payee."""
    person.security_page()
    person.add_passkey()
    person.transfer("DE02120300000000202051")
    signed = person.page.evaluate(SIGN, options_of(person))
    person.transfer()
    person.sees(SENTENCE)
    hand_in(person, signed)
    expect(person.page.get_by_role("alert")).to_have_text(NOT_ACCEPTED)
    assert results(person) == ["wrong"]


def test_attack_a_cloned_device_with_an_old_counter_is_refused_and_recorded(person: Person) -> None:
    """The clone was made before the last use: its counter goes back, which the log calls by its name."""
    person.security_page()
    machine = person.add_passkey()
    before = machine.credentials
    person.transfer()
    person.press("Use your passkey")
    person.done()
    machine.forget()
    machine.take(before, counter=0)
    person.transfer("DE02120300000000202051")
    person.press("Use your passkey")
    expect(person.page.get_by_role("alert")).to_have_text(NOT_ACCEPTED)
    assert results(person) == ["cloned"]
    assert len(person.world.log("challenge.passed", person.name)) == 1


def test_a_second_passkey_is_added_and_the_first_one_removed(person: Person) -> None:
    """Adding asks for what there is; what is removed opens nothing any more."""
    person.security_page()
    machine = person.add_passkey()
    first = machine.credentials
    person.press("Add a passkey")
    person.press("Use your passkey")
    person.press("Make a passkey")
    expect(person.page.get_by_role("alert")).to_have_text("This device has a passkey of yours already.")
    machine.forget()
    person.press("Make a passkey")
    expect(person.page.get_by_role("status")).to_have_text("Added.")
    row = person.page.get_by_role("listitem").filter(
        has=person.page.get_by_role("heading", name="Passkey laptop")
    )
    row.locator("summary").click()
    row.get_by_role("button", name="Remove it").click()
    expect(person.page.get_by_role("status")).to_have_text("Removed.")
    machine.forget()
    machine.take(first)
    person.transfer()
    person.press("Use your passkey")
    expect(person.page.get_by_role("alert")).to_have_text(NOT_USED)


def options_of(person: Person) -> dict[str, Any]:
    """What the page that is open asks the browser for."""
    found: dict[str, Any] = person.page.evaluate(
        "JSON.parse(document.getElementById('passkey').dataset.options)"
    )
    return found


def hand_in(person: Person, signed: dict[str, Any]) -> None:
    """Send an assertion by the page's own form, past its script."""
    person.page.evaluate(
        """(answer) => {
          const form = document.getElementById("passkey");
          form.elements.answer.value = answer;
          HTMLFormElement.prototype.submit.call(form);
        }""",
        json.dumps(signed),
    )
