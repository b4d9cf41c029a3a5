"""axe (Deque's checker of accessibility) finds nothing on any page, in any look.

The pages are those of ``tests/console``, in every state that the flow can bring them into, as the site renders them;
here Chromium lays them out and our scripts run. All that is folded is opened, and what a script would show later is
shown, so that it is looked at as well.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route

from stepwarden.console.render import static_files
from stepwarden.console.visit import LANGUAGES, Language
from tests.browser.watched import PATIENCE
from tests.console.page_visitor import WARDEN, House
from tests.console.test_pages_markup import PAGES
from tests.node.outsiders import axe

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPEN = """() => {
  for (const one of document.querySelectorAll("details")) one.open = true;
  for (const one of document.querySelectorAll("#over, #codes-tools, #passkey")) one.hidden = false;
  const said = document.getElementById("passkey-said");
  if (said) { said.hidden = false; said.textContent = document.getElementById("passkey").dataset.failed; }
}"""
COLOURS = ["color-contrast", "link-in-text-block"]
LAYOUT = [*COLOURS, "target-size", "scrollable-region-focusable"]
LOOKS = ((320, "light", TAGS), (320, "dark", COLOURS), (1280, "light", LAYOUT), (1280, "dark", COLOURS))
"""Width, scheme, and what is looked for: names and roles are the same whatever a stylesheet does, so once is enough."""
RUN = """async (only) => (await axe.run(document, { runOnly: only, resultTypes: ["violations"] })).violations
  .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 200)} ${node.failureSummary}`))"""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def rendered() -> dict[tuple[str, str], str]:
    """Every page in every language. Made before there is a browser: both want the loop of this thread."""

    async def all_pages() -> dict[tuple[str, str], str]:
        found: dict[tuple[str, str], str] = {}
        for name, (see, _) in PAGES.items():
            for language in LANGUAGES:
                house = House()
                visitor = house.visitor()
                visitor.extra = {"accept-language": language}
                found[name, language] = (await see(house, visitor)).body
        return found

    return asyncio.run(all_pages())


@pytest.fixture(scope="module")
def context(rendered: dict[tuple[str, str], str], browser: Browser) -> BrowserContext:
    """A browser that may be looked into: the policy would not let the checker in."""
    found = browser.new_context(bypass_csp=True, reduced_motion="reduce")
    found.set_default_timeout(PATIENCE)
    found.add_init_script(axe())
    found.add_init_script("window.opener = { postMessage() {} }")  # somebody waits for what a popup tells
    return found


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab: the one before, unless something is still awaited there, which would go on to the next page."""
    found = context.pages[0] if context.pages else context.new_page()
    yield found
    found.unroute_all()
    if found.locator("#done, #wait").count():
        found.close()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(
    name: str, language: Language, page: Page, rendered: dict[tuple[str, str], str]
) -> None:
    """In both languages, light and dark, wide and narrow; and nothing has to be scrolled sideways."""
    files = static_files()

    def serve(route: Route) -> None:
        path = route.request.url.removeprefix(WARDEN)
        found = files.get(path.removeprefix("/static/"))
        if found is not None:
            route.fulfill(body=found.content, content_type=found.media.decode())
        elif route.request.resource_type == "document" and path == "/page":
            route.fulfill(body=rendered[name, language], content_type="text/html; charset=utf-8")
        elif route.request.resource_type == "document":
            route.fulfill(status=204)  # a page that sends people on by itself stays: 204 leads nowhere
        # What a script asks for stays unanswered, so that the page goes on waiting for it.

    page.route("**/*", serve)
    page.goto(f"{WARDEN}/page")
    page.evaluate(OPEN)
    found: dict[str, Any] = {}
    for width, scheme, looked_for in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert page.evaluate(WIDER) <= 0, f"wider than {width}"
        found |= dict.fromkeys(page.evaluate(RUN, looked_for), f"{width} {scheme}")
    assert not found
