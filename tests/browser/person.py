"""A person at a browser: what they do on our pages, in one line each.

Buttons and fields are found as people find them, by what they say.
"""

from playwright.sync_api import Page, expect

from tests.browser.bank import Seen, SignedIn
from tests.browser.passkey_machine import PasskeyMachine
from tests.browser.watched import AGENT
from tests.browser.world import World
from tests.stories.authenticator import Authenticator

IBAN = "DE89370400440532013000"
SENTENCE = "Transfer 1,200.00 EUR to DE89 3704 0044 0532 0130 00"


class Person:
    """Signs in to the bank at once. ``page`` is the tab that is looked at."""

    def __init__(self, world: World, page: Page, name: str, address: str) -> None:
        self.world = world
        self.page = page
        self.name = name
        self._address = address
        self.machine: PasskeyMachine | None = None
        page.goto(f"{world.bank.url}/sign-in?actor={name}")

    def security_page(self) -> None:
        """Open it from the bank; who has a factor is asked for it first."""
        self.page.goto(f"{self.world.bank.url}/security")

    def press(self, name: str) -> None:
        """A button of this name."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def fill(self, label: str, text: str) -> None:
        """A field of this label."""
        self.page.get_by_label(label).fill(text)

    def sees(self, title: str) -> None:
        """The page's main heading, once it is there."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(title)

    def add_passkey(self) -> PasskeyMachine:
        """On the security page, which is open."""
        self.machine = PasskeyMachine(self.page)
        self.press("Add a passkey")
        self.fill("Name (optional)", "laptop")
        self.press("Make a passkey")
        expect(self.page.get_by_role("status")).to_have_text("Added.")
        return self.machine

    def add_totp(self) -> Authenticator:
        """Likewise; by typing the secret into the OATH Toolkit."""
        self.press("Add an authenticator app")
        return self._type_secret()

    def _type_secret(self) -> Authenticator:
        secret = self.page.locator(".secret").text_content() or ""
        device = Authenticator(secret.replace(" ", ""))
        self.fill("Then type the code that the app shows", device.code())
        self.press("Add the app")
        expect(self.page.get_by_role("status")).to_have_text("Added.")
        return device

    def add_recovery(self) -> list[str]:
        """Likewise."""
        self.press("Make new recovery codes")
        codes = self.page.locator("#codes code").all_text_contents()
        self.page.get_by_label("I have kept them").check()
        self.press("Done")
        return codes

    def confirm_change_and_add_totp(self) -> Authenticator:
        """As ``add_totp``, by who has a passkey, which is asked for first."""
        self.press("Add an authenticator app")
        self.press("Use your passkey")
        return self._type_secret()

    def type_code(self, code: str) -> None:
        """On a challenge page, in the authenticator's field; in two groups, as people read it."""
        self.fill("Code from your authenticator app", f"{code[:3]} {code[3:]}")
        self.press("Confirm")

    @property
    def at_bank(self) -> tuple[SignedIn, Seen]:
        """This person's session at the bank, and what it sees of their browser: for orders that no page makes."""
        (who,) = [one for one in self.world.bank.known.values() if one.actor == self.name]
        return who, {"ip": self._address, "user_agent": AGENT}

    def transfer(self, to: str = IBAN) -> None:
        """Order it at the bank, which sends the browser to the challenge."""
        self.page.goto(f"{self.world.bank.url}/transfer?amount=120000&to={to}")

    def done(self) -> None:
        """The bank has collected, and was allowed to make the transfer."""
        self.sees("transfer: allow")
