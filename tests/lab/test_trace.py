"""The chain before an attempt: read from leaves as a log holds them."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from stepwarden.errors import InputError, NotFoundError
from stepwarden.events.encoding import encode
from stepwarden.events.entries import (
    AttemptDecided,
    Demand,
    Entry,
    Evidence,
    FactorEnrolled,
    LabelApplied,
    OutcomeReported,
    Standing,
    Verdict,
)
from stepwarden.events.facts import Facts
from stepwarden.lab.trace import Trace, collect
from stepwarden.lab.trace_graph import page
from stepwarden.lab.trace_words import as_dict, before, shared, what, who, why

MINUTE = 60_000_000
HOUR = 60 * MINUTE
T0 = 1_790_000_000_000_000


class Log:
    """Leaves as they would be appended."""

    def __init__(self) -> None:
        self.leaves: list[bytes] = []
        self.now = T0
        self.asked: list[tuple[int, int]] = []

    def add(self, make: Callable[..., Entry], **fields: Any) -> int:
        self.leaves.append(encode(make(time=self.now, id="abcdefgh", **fields)))
        return len(self.leaves) - 1

    def attempt(
        self,
        actor: str,
        *,
        ip: str,
        outcome: str = "success",
        decision: Verdict = "allow",
        rules: Iterable[str] = (),
        signals: dict[str, int | bool | str] | None = None,
        **more: Any,
    ) -> int:
        facts = Facts(**{"time": self.now, "action": "login", "actor": actor, "address": ip, **more})
        index = self.add(
            AttemptDecided,
            facts=facts,
            signals=signals or {},
            evidence=tuple(Evidence(rule, 1000) for rule in rules),
            score=0,
            risk=1,
            demand=Demand(),
            standing=Standing(),
            decision=decision,
            policy="0" * 64,
        )
        ended = Facts(
            **{"time": self.now, "action": "login", "actor": actor, "address": ip, **more, "outcome": outcome}
        )
        self.add(OutcomeReported, facts=ended, decision=decision, previous=index)
        self.now += MINUTE
        return index

    def read(self, start: int, stop: int) -> list[bytes]:
        self.asked.append((start, stop))
        return self.leaves[start:stop]

    def trace(self, index: int, **more: Any) -> Trace:
        return collect(self.read, index, **more)


def a_takeover(log: Log) -> int:
    """Work, a night of spraying from one address, a sign-in from there, a factor enrolled, an export from elsewhere."""
    for day in range(5):
        log.now = T0 + day * 24 * HOUR
        log.attempt("ann", ip="home", device="laptop", session=f"day{day}")
        log.attempt("bob", ip="office", device="desktop", session=f"bob{day}")
    log.now += 12 * HOUR
    for number in range(30):
        log.attempt(f"u{number}", ip="proxy", outcome="failure", network="cheap")
    log.attempt("ann", ip="proxy", outcome="failure", network="cheap")
    log.attempt(
        "ann",
        ip="proxy",
        device="other",
        session="taken",
        rules=("new-device", "new-address"),
        network="cheap",
    )
    log.add(FactorEnrolled, actor="ann", factor="totp", credential="c1")
    log.now += 2 * HOUR
    log.attempt("bob", ip="office", device="desktop", session="bob9")
    return log.attempt(
        "ann", ip="second-proxy", device="other", session="taken", action="export", decision="step_up"
    )


def test_the_chain_leads_from_an_export_over_the_enrolment_to_the_spraying() -> None:
    log = Log()
    found = log.trace(a_takeover(log))
    said = [
        (who(found, link), what(link), link.count, shared(found, link))
        for link in found.links
        if link.notable
    ]
    assert said == [
        ("30 other accounts", "login, allowed, failed", 30, "address 2, network 1"),
        ("this person", "login, allowed, failed", 1, "address 2, network 1"),
        ("this person", "login, allowed, ended well", 1, "session 1, device 1"),
        ("this person", "enrolled a way to prove who they are", 1, ""),
    ]
    taken = found.links[-2]
    assert (why(taken), taken.hop, before(found, taken)) == ("new-address, new-device", 1, "2 h 2 min")
    assert [link.hop for link in found.links if not link.own] == [2]


def test_what_shares_nothing_with_it_stays_out() -> None:
    log = Log()
    found = log.trace(a_takeover(log))
    assert "bob" not in str(as_dict(found))


def test_the_same_chain_in_words_in_json_and_drawn() -> None:
    log = Log()
    found = log.trace(a_takeover(log))
    plain = as_dict(found)
    assert [link["entry"] for link in plain["links"]] == [link.index for link in found.links]
    assert plain["attempt"]["decision"] == "step_up"
    html = page(found)
    assert "30 other accounts" in html
    assert html.count("<svg") == 2
    assert "http" not in html.split("<svg")[0].replace("http-equiv", "")


def test_labels_stand_at_their_attempts() -> None:
    log = Log()
    last = a_takeover(log)
    log.add(LabelApplied, label="attack", source="analyst", reliability=90, previous=last, actor="ann")
    again = log.attempt("ann", ip="home", device="laptop")
    assert [(link.index, link.label) for link in log.trace(again).links if link.label] == [(last, "attack")]


def test_days_and_links_are_bounds_and_say_what_they_left_out() -> None:
    log = Log()
    last = a_takeover(log)
    assert len(log.trace(last, most=2).links) == 2
    assert log.trace(last, most=2).left_out == len(log.trace(last).links) - 2
    recent = log.trace(last, days=1)
    assert all(link.first >= recent.since for link in recent.links)
    with pytest.raises(InputError):
        log.trace(last, days=0)


def test_it_reads_backwards_only_as_far_as_it_must() -> None:
    log = Log()
    for hour in range(9_000):
        log.now = T0 + hour * HOUR
        log.attempt("ann", ip="home")
    found = log.trace(17_998, days=1)
    assert found.read < 200
    assert min(start for start, _ in log.asked) > 13_000


def test_an_entry_that_is_no_attempt_or_is_missing_is_named() -> None:
    log = Log()
    last = a_takeover(log)
    with pytest.raises(NotFoundError, match="entry 1 is no attempt but OutcomeReported"):
        log.trace(1)
    with pytest.raises(NotFoundError, match="no entry"):
        log.trace(last + 10)


def test_attack_a_proxy_that_everybody_uses_does_not_bury_the_chain() -> None:
    """Whoever hides behind a shared address must not make the trace unreadable: ordinary work of others is dropped."""
    log = Log()
    log.attempt(
        "ann", ip="proxy", outcome="failure", decision="step_up", rules=("new-device",), device="thief"
    )
    for number in range(2_000):
        log.attempt(f"u{number}", ip="proxy", device=f"d{number}", session=f"s{number}")
    last = log.attempt("ann", ip="proxy", device="thief", session="x")
    found = log.trace(last, most=10)
    assert len(found.links) == 10
    assert found.links[0].own
    assert found.links[0].verdict == "step_up"
