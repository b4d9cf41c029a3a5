"""User agents: browser, system and type of device, by the rules of ``ua-parser`` (in Rust) with a bounded
cache.

>>> Agents(remembered=10).lookup("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0")
AgentInfo(browser='Firefox', os='Linux', device_type='desktop')

Families without versions: browsers renew themselves every few weeks, which says nothing of who uses them. A
user agent is what the client claims to be: it can tell that something changed, never who somebody is.

Nothing raises; what the rules do not know stays empty.
"""

import re
from functools import lru_cache

from ua_parser import Domain
from ua_parser.loaders import load_lazy_builtins
from ua_parser.regex import Resolver

from stepwarden.flow.lookups import AgentInfo

MAX_LENGTH = 2048
_BOT = re.compile(r"bot\b|crawl|spider|slurp|headless|phantomjs|monitor|scan", re.IGNORECASE)
_TABLET = re.compile(r"ipad|tablet|kindle|silk/|playbook", re.IGNORECASE)
_MOBILE = re.compile(r"mobile|iphone|ipod|phone", re.IGNORECASE)
_DESKTOP = frozenset({"Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS", "FreeBSD"})
_PHONES = frozenset({"Android", "iOS", "Windows Phone", "KaiOS"})


class Agents:
    """``flow.lookups.AgentLookup`` by ``ua-parser``."""

    def __init__(self, *, remembered: int) -> None:
        agents, systems, _ = load_lazy_builtins()  # the Rust rules need no compiled Python ones
        # The device rules are most of the memory and the time, and tell brands that nothing here asks for.
        self._resolve = Resolver((agents, systems, []))
        self._remember = lru_cache(remembered)(self._find)

    def lookup(self, user_agent: str) -> AgentInfo:
        """What the agent says it is; never raises."""
        return self._remember(user_agent)

    def _find(self, user_agent: str) -> AgentInfo:
        text = user_agent[:MAX_LENGTH].encode("utf-8", "replace").decode()
        if not text:
            return AgentInfo()
        found = self._resolve(text, Domain.USER_AGENT | Domain.OS)
        browser = found.user_agent.family if found.user_agent is not None else ""
        system = found.os.family if found.os is not None else ""
        return AgentInfo(browser=browser[:64], os=system[:64], device_type=_type(text, browser, system))


def _type(text: str, browser: str, system: str) -> str:
    if _BOT.search(text):
        return "bot"
    if _TABLET.search(text) or (system == "Android" and not _MOBILE.search(text)):
        return "tablet"
    if system in _PHONES or (_MOBILE.search(text) and "Mozilla" in text):
        return "mobile"
    if "Mozilla" not in text:
        # Every browser since 1994 claims to be Mozilla; what does not is a program.
        return "script" if browser else ""
    return "desktop" if system in _DESKTOP else ""
