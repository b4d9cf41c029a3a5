"""Debian's Chromium, and what a test does with it. Where there is none the tests skip, and say so."""

import shutil
from collections.abc import Iterator
from hashlib import sha256
from itertools import count

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.person import Person
from tests.browser.watched import Watched
from tests.browser.world import World
from tests.browser.world import house as running_house

_ADDRESSES = count(0x51000007, 0x10000)
"""Each in a network of its own."""
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
)


def chromium() -> str:
    """Its path."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        reason = "no Chromium is installed: apt-get install chromium"
        print(reason)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for each module, not for all: while it lives, Playwright's loop runs in this thread, and no other could."""
    path = chromium()
    with sync_playwright() as playwright:
        # Its sandbox needs rights that containers, and root, do not have; nothing but our own pages is opened in it.
        found = playwright.chromium.launch(executable_path=path, args=[*QUIET, "--no-sandbox"])
        try:
            yield found
        finally:
            found.close()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Shared: each test brings a person of its own."""
    chromium()
    with running_house(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture
def watched(browser: Browser, world: World) -> Iterator[Watched]:
    """Browsers that know Stepwarden and the bank, and nothing else. What they wrote down is looked at in the end."""
    yield from watch(browser, world)


def watch(browser: Browser, world: World) -> Iterator[Watched]:
    """The same for another world."""
    one, two, three, four = next(_ADDRESSES).to_bytes(4, "big")
    found = Watched(browser, world.hosts, f"{one}.{two}.{three}.{four}")
    try:
        yield found
    finally:
        found.close()
    faults, world.bank.faults = world.bank.faults, []
    assert not found.complaints
    assert not faults


@pytest.fixture
def person(watched: Watched, world: World, request: pytest.FixtureRequest) -> Person:
    """Somebody who is signed in to the bank, with nothing enrolled, and who was never here before."""
    return Person(world, watched.open(), name_of(request), watched.address)


def name_of(request: pytest.FixtureRequest) -> str:
    """A name for the person of one test, and of no other."""
    return f"person-{sha256(request.node.nodeid.encode()).hexdigest()[:12]}"
