"""What the lab's tests share: attempts, fakes of look-ups, a replay that needs no data file."""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from stepwarden.connect.importers.base import Imported
from stepwarden.events.attempt import Attempt, Outcome
from stepwarden.flow.facts import Describer
from stepwarden.flow.lookups import AddressInfo, AgentInfo
from stepwarden.lab.replay import PlainTokens, Replay, Replayed
from stepwarden.lab.summary import Summary
from stepwarden.policy.default import default_text
from stepwarden.policy.loader import load
from stepwarden.policy.policy import Policy
from stepwarden.signals.limits import STANDARD
from stepwarden.signals.travel import Places

SECOND = 1_000_000
NOON = 1_767_268_800 * SECOND
"""2026-01-01 12:00:00 UTC."""


class NoAddresses:
    """Knows nothing of any address."""

    def lookup(self, ip: IPv4Address | IPv6Address | str) -> AddressInfo:
        return AddressInfo()


class NoAgents:
    """Knows nothing of any user agent."""

    def lookup(self, user_agent: str) -> AgentInfo:
        return AgentInfo()


@lru_cache
def shipped() -> Policy:
    """The policy that is shipped: loading it takes a while."""
    return load(default_text())


def new_replay(policy: Policy | None = None) -> Replay:
    """A replay by the shipped policy that knows nobody."""
    describer = Describer(
        PlainTokens(), NoAddresses(), NoAgents(), trusted_proxies=(), places=Places(1_000), remembered=1_000
    )
    return Replay.begin(describer, policy or shipped(), STANDARD)


def sign_in(
    second: int,
    actor: str = "ann",
    ip: str = "192.0.2.7",
    outcome: Outcome = "failure",
    *,
    line: int = 1,
    event_id: str = "",
    source: str = "auth.log",
) -> Imported:
    """A sign-in so many seconds after noon."""
    attempt = Attempt(action="login", actor=actor, ip=ip, outcome=outcome)
    return Imported(attempt, NOON + second * SECOND, source, line, event_id)


def summarise(results: Iterable[Replayed]) -> Summary:
    """The summary of these results."""
    summary = Summary(policy="0" * 64)
    for one in results:
        summary.add(one)
    return summary


def sshd_log(lines: int) -> str:
    """A log of sshd: people who sign in with a key or mistype, one address that tries name after name."""
    found: list[str] = []
    number = 0
    while len(found) < lines:
        number += 1
        second = number * 7
        day, hour, minute = 1 + second // 86_400, second // 3600 % 24, second // 60 % 60
        head = f"Mar {day:2d} {hour:02d}:{minute:02d}:{second % 60:02d} web sshd[{1000 + number % 30_000}]: "
        if number % 3:
            name, ip = f"user{number % 40}", f"198.51.{number % 40}.9"
            found.append(
                f"{head}Accepted publickey for {name} from {ip} port {1024 + number % 60_000} ssh2: RSA SHA256:x"
            )
            found.append(f"{head}pam_unix(sshd:session): session opened for user {name} by (uid=0)")
            found.append(f"{head}pam_unix(sshd:session): session closed for user {name}")
        else:
            name, ip = f"guess{number % 500}", f"203.0.113.{number % 2}"
            found.append(f"{head}Invalid user {name} from {ip}")
            found.append(f"{head}input_userauth_request: invalid user {name} [preauth]")
            found.append(
                f"{head}Failed password for invalid user {name} from {ip} port {1024 + number % 60_000} ssh2"
            )
            found.append(f"{head}Connection closed by {ip} [preauth]")
    return "\n".join(found[:lines]) + "\n"


def check_that_nothing_is_fetched(text: str) -> None:
    """A page has no script and no address of anything to fetch, and forbids both."""
    assert not re.search(r"<script|<link|<iframe|<object|<embed|@import|url\(|\bon\w+=", text)
    assert not re.findall(r"(?:https?:)?//[^\s\"'<]+", re.sub(r'xmlns(?::\w+)?="[^"]*"', "", text))
    assert "default-src 'none'" in text
