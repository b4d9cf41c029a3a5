"""What user agents say they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.connect.lookups import Agents
from stepwarden.flow.lookups import AgentInfo, AgentLookup

AGENTS = Agents(remembered=50)
CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0{} Safari/537.36"


@pytest.mark.parametrize(
    ("text", "browser", "system", "device"),
    [
        (CHROME.format("Windows NT 10.0; Win64; x64", 126, ""), "Chrome", "Windows", "desktop"),
        (CHROME.format("Linux; Android 14; Pixel 8", 126, " Mobile"), "Chrome Mobile", "Android", "mobile"),
        (CHROME.format("Linux; Android 13; SM-X906C", 120, ""), "Chrome", "Android", "tablet"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/17.5 Mobile/15E148 Safari/604.1",
            "Mobile Safari",
            "iOS",
            "mobile",
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/16.0 Mobile/15E148 Safari/604.1",
            "Mobile Safari",
            "iOS",
            "tablet",
        ),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot", "", "bot"),
        ("curl/8.5.0", "curl", "", "script"),
        ("python-requests/2.31.0", "Python Requests", "", "script"),
        ("BAV2ROPC", "", "", ""),
        ("", "", "", ""),
    ],
)
def test_agents_are_told_apart(text: str, browser: str, system: str, device: str) -> None:
    """Phones, tablets, desktops, robots and programs."""
    assert AGENTS.lookup(text) == AgentInfo(browser=browser, os=system, device_type=device)


def test_a_browser_that_renews_itself_stays_the_same_browser() -> None:
    """An update is no new browser."""
    assert AGENTS.lookup(CHROME.format("X11; Linux x86_64", 126, "")) == AGENTS.lookup(
        CHROME.format("X11; Linux x86_64", 127, "")
    )


@given(
    st.one_of(st.text(max_size=200), st.text(st.characters(), min_size=1, max_size=3).map(lambda t: t * 3000))
)
def test_odd_agents_never_raise(text: str) -> None:
    """Lone surrogates, NUL, brackets, kilobytes: all are answered, with nothing long or unprintable to log."""
    lookup: AgentLookup = AGENTS
    found = lookup.lookup(text)
    assert max(len(found.browser), len(found.os), len(found.device_type)) <= 64


@pytest.mark.parametrize(
    "text", ["\ud800", "\x00" * 50, "(" * 5000, "Mozilla/5.0 \x1b[31m", "\r\nSet-Cookie: a=b"]
)
def test_hostile_agents_never_raise(text: str) -> None:
    """Log injection and broken encodings among them."""
    assert isinstance(AGENTS.lookup(text), AgentInfo)


def test_the_memory_of_agents_is_bounded() -> None:
    """Making up agents fills nothing."""
    for number in range(500):
        AGENTS.lookup(f"made-up/{number}")
    assert AGENTS._remember.cache_info().currsize == 50
