"""What is over, in a real browser, under a clock that the test moves: the server's, or the one on the person's wall."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import chromium, name_of, watch
from tests.browser.person import Person
from tests.browser.watched import Watched
from tests.browser.world import World, clocked
from tests.flow.flow_house import House


@pytest.fixture(scope="module")
def clocked_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, House]]:
    """Before the browser is there: both bring a loop."""
    chromium()
    with clocked(tmp_path_factory.mktemp("clocked")) as found:
        yield found


@pytest.fixture
def watched(clocked_world: tuple[World, House], browser: Browser) -> Iterator[Watched]:
    yield from watch(browser, clocked_world[0])


@pytest.fixture
def person(watched: Watched, clocked_world: tuple[World, House], request: pytest.FixtureRequest) -> Person:
    """Somebody with a passkey, who has ordered a transfer and sees its challenge."""
    found = Person(clocked_world[0], watched.open(), name_of(request), watched.address)
    found.security_page()
    found.add_passkey()
    return found


def test_the_page_counts_down_and_says_when_the_time_is_over(person: Person) -> None:
    """By the clock on the wall; who looks away, or uses a screen reader, is told as well, and can begin again."""
    page = person.page
    page.clock.install()
    person.transfer()
    expect(page.locator("#expiry-left")).to_have_text("(5:00 left)")
    page.clock.run_for(242_000)
    expect(page.locator("#expiry-soon")).to_have_text("60 seconds left")
    page.clock.fast_forward(60_000)
    over = page.get_by_role("heading", name="The time is over")
    expect(over).to_be_visible()
    expect(over).to_be_focused()
    expect(page.get_by_role("button", name="Use your passkey")).to_be_hidden()
    page.get_by_role("link", name="Start again").click()
    person.sees("refused: closed")


def test_attack_an_answer_after_the_time_is_over_passes_nothing(
    person: Person, clocked_world: tuple[World, House]
) -> None:
    """Whatever the clock on the wall says: by the server's it is over, and the page says so."""
    world, house = clocked_world
    person.transfer()
    house.forward(301)
    person.press("Use your passkey")
    person.sees("This request is closed")
    assert not world.log("challenge.passed", person.name)
    person.page.get_by_role("link", name="Back to the application").click()
    person.sees("refused: closed")


def test_attack_a_code_that_was_kept_too_long_collects_nothing(
    person: Person, clocked_world: tuple[World, House]
) -> None:
    """It was confirmed, and the browser came back after two minutes: no grant, and no standing."""
    world, house = clocked_world
    world.bank.meanwhile = lambda: house.forward(121)
    person.transfer()
    person.press("Use your passkey")
    person.sees("not collected: challenge.closed")
    assert not world.log("challenge.collected", person.name)
    assert len(world.log("challenge.passed", person.name)) == 1


def test_attack_a_ticket_for_the_security_page_that_was_kept_is_worth_nothing(
    person: Person, clocked_world: tuple[World, House]
) -> None:
    """It is good for a minute, and once."""
    world, house = clocked_world
    ticket = world.bank.call(f"/v1/actors/{person.name}/pages", {"proved": ["pwd"], "return_to": ""})["url"]
    house.forward(61)
    person.page.goto(ticket)
    person.sees("Nothing here")


def test_the_security_page_closes_after_half_an_hour(
    person: Person, clocked_world: tuple[World, House]
) -> None:
    """What is pressed afterwards does nothing."""
    _, house = clocked_world
    house.forward(1_801)
    person.press("Make new recovery codes")
    person.sees("Your security page is closed")


def test_a_page_that_waits_for_a_passkey_says_as_well_that_the_time_is_over(
    person: Person, clocked_world: tuple[World, House]
) -> None:
    """Nobody touches the device; what waited for it is taken away."""
    world, _ = clocked_world
    assert person.machine is not None
    person.machine.present(False)
    person.page.clock.install()
    person.transfer()
    person.press("Use your passkey")
    expect(person.page.get_by_role("button", name="Waiting for your device")).to_be_visible()
    person.page.clock.fast_forward(301_000)
    expect(person.page.get_by_role("heading", name="The time is over")).to_be_focused()
    expect(person.page.get_by_role("button", name="Waiting for your device")).to_be_hidden()
    assert not world.log("challenge.passed", person.name)
