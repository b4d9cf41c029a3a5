"""The two ways of a back-test over real logs: they agree with each other, and with what the service had decided."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepwarden.app.node import Node
from stepwarden.errors import InputError
from stepwarden.events import entries as e
from stepwarden.events.encoding import encode
from stepwarden.events.entries import AttemptDecided, Entry, PolicyChanged
from stepwarden.events.facts import Facts
from stepwarden.flow.judge import weigh_here
from stepwarden.flow.state import LogState
from stepwarden.lab.backtest.assessing import ColumnPolicy
from stepwarden.lab.backtest.deciding import VERDICTS, decided
from stepwarden.lab.backtest.folding import Folding, differs
from stepwarden.lab.backtest.history import load, read
from stepwarden.lab.backtest.running import seen_by
from stepwarden.policy.default import default_text
from stepwarden.policy.loader import load as load_policy
from stepwarden.signals.catalogue import sparse
from stepwarden.signals.limits import STANDARD
from tests.flow.flow_house import House
from tests.flow.log_streams import SECOND, logs
from tests.flow.log_streams import entry as entry_of
from tests.flow.test_flow_replay import busy_day
from tests.lab.lab_house import shipped

STRICTER = (
    default_text()
    .replace("risk: 0.2,", "risk: 0.05,")
    .replace(
        "login: {sensitivity: 1, demand: none, recovery: true",
        "login: {sensitivity: 1, demand: aal2, max_age: 1m",
    )
)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "data")


def lived(house: House, seed: int, steps: int = 120) -> list[bytes]:
    async def day(node: Node) -> None:
        await busy_day(house, node, seed, steps)

    house.live(day)
    return house.leaves()


@pytest.mark.parametrize("seed", range(2))
def test_both_ways_agree_and_the_live_policy_gives_what_was_recorded(
    house: House, seed: int, tmp_path: Path
) -> None:
    leaves = lived(house, seed)
    candidate = load_policy(STRICTER)
    folding = Folding([shipped(), candidate])
    history = read(leaves, watch=folding)
    assert history.policy == default_text()
    live, other = (one.decided() for one in folding.folded)
    assert [VERDICTS[number] for number in live.verdict] == history.frame["decision"].to_list()
    assert live.score.tolist() == history.frame["score"].to_list()
    assert (live.verdict != other.verdict).any()
    history.write(tmp_path / "history.parquet")
    again = load(tmp_path / "history.parquet")
    assert again.frame.equals(history.frame)
    assert again.policy == history.policy
    for policy, folded in ((shipped(), live), (candidate, other)):
        found = decided(again.frame, ColumnPolicy(policy).assess(seen_by(policy, again)))
        assert differs(found, folded) == ""


ACTIONS = {"logout": "factor.enroll", "password.change": "security.open"}


def honest(entries: list[Entry], asked: int) -> list[bytes]:
    """The same log, but its attempts record what the log before them leads to, and some ask for more by themselves."""
    first = entries[0].time if entries else 0
    begun = PolicyChanged(
        time=first, id="abcdefgh", policy=shipped().hash, text=default_text(), name="default"
    )
    state, leaves = LogState(STANDARD), []
    for index, entry in enumerate([begun, *entries]):
        if isinstance(entry, AttemptDecided):
            action = ACTIONS.get(entry.facts.action, entry.facts.action)
            level = asked if index % 2 else 0
            facts = msgspec.structs.replace(entry.facts, time=entry.time, action=action, asked_aal=level)
            found = weigh_here(
                state.signals,
                state.stepup,
                shipped(),
                facts,
                now=entry.time,
                bind=lambda bound=entry.binding: bound,  # type: ignore[misc]
                grant=entry.grant,
                doubted=state.doubted,
                emergency=state.cycle.emergency is not None,
            )
            entry = msgspec.structs.replace(
                entry, facts=facts, signals=sparse(found.values), standing=found.standing
            )
        state.fold(index, entry)
        leaves.append(encode(entry))
    return leaves


STEPS = (
    e.ChallengeIssued, e.ChallengePassed, e.ChallengeExpired, e.FactorEnrolled, e.SessionRevoked, e.LogDoubted,
    e.LogTrusted, e.PolicyEmergency, e.OutcomeReported, e.ServiceStarted,
)  # fmt: skip


@st.composite
def lively(draw: st.DrawFn) -> list[Any]:
    """Logs of few kinds, so that challenges, grants, doubts and emergencies meet attempts."""
    kinds = [
        e.ServiceStarted,
        *draw(st.lists(st.sampled_from((*STEPS, *(3 * [AttemptDecided]))), max_size=30)),
    ]
    time, found = 1_700_000_000 * SECOND, []
    for index, kind in enumerate(kinds):
        time += draw(st.sampled_from([0, 1, 40])) * SECOND
        found.append(draw(entry_of(kind, time, index)))
    return found


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lively() | logs(most=40), st.integers(0, 3))
def test_both_ways_agree_on_logs_of_entries_of_every_kind(entries: list[Entry], asked: int) -> None:
    """Grants, revoked sessions, changes of factors, doubts, emergencies, prompts: whatever there is beside a policy."""
    if not any(isinstance(entry, AttemptDecided) for entry in entries):
        return
    policies = [shipped(), load_policy(STRICTER)]
    folding = Folding(policies)
    history = read(honest(entries, asked), watch=folding)
    for policy, folded in zip(policies, folding.folded, strict=True):
        found = decided(history.frame, ColumnPolicy(policy).assess(seen_by(policy, history)))
        assert differs(found, folded.decided()) == ""


OWN = """\
signals:
  exports_24h:
    primitive: count
    key: [actor]
    window: 24h
    filter: action == "export"
    doc: Exports of this person in the last day
"""
RULE = """\
  - id: many-exports
    when: exports_24h >= 3
    weight: 3
    reason: Many exports in one day
    technique: T1530
"""


def with_own(text: str, signals: str = OWN) -> str:
    """A policy with a signal of its own and a rule that uses it."""
    return text.replace("rules:\n", signals + "rules:\n" + RULE, 1)


def test_signals_of_the_candidate_are_folded_from_the_log_and_refused_over_columns(house: House) -> None:
    leaves = lived(house, 5)
    candidate = load_policy(with_own(default_text()))
    folding = Folding([shipped(), candidate])
    history = read(leaves, watch=folding)
    live, other = folding.folded
    held = [any(one.rule == "many-exports" for one in evidence) for evidence in other.evidence]
    seen = dict.fromkeys(history.frame["actor"].to_list(), 0)
    assert any(held)
    for (actor, action), holds in zip(history.frame.select("actor", "action").iter_rows(), held, strict=True):
        assert not holds or seen[actor] >= 3
        seen[actor] += actor != "" and action == "export"
    assert (live.decided().score != other.decided().score).any()
    with pytest.raises(InputError, match="exports_24h"):
        seen_by(candidate, history)


def test_signals_that_the_live_policy_recorded_all_along_serve_both_ways(
    house: House, tmp_path: Path
) -> None:
    live = with_own(default_text())
    house.data.mkdir()
    (house.data / "policy.yaml").write_text(live)
    leaves = lived(house, 6)
    policies = [
        load_policy(live),
        load_policy(live.replace("weight: 3\n    reason: Many", "weight: 1\n    reason: Many")),
    ]
    folding = Folding(policies)
    history = read(leaves, watch=folding)
    assert history.policy == live
    history.write(tmp_path / "own.parquet")
    again = load(tmp_path / "own.parquet")
    assert again.frame["custom.exports_24h"].max() >= 3  # type: ignore[operator]
    for policy, folded in zip(policies, folding.folded, strict=True):
        found = decided(again.frame, ColumnPolicy(policy).assess(seen_by(policy, again)))
        assert differs(found, folded.decided()) == ""


def test_attack_a_signal_of_the_same_name_and_another_meaning_is_not_taken_for_the_recorded_one(
    house: House,
) -> None:
    """Else a candidate that counts something harmless would be judged by what the live policy had counted."""
    live = with_own(default_text())
    house.data.mkdir()
    (house.data / "policy.yaml").write_text(live)
    history = read(lived(house, 7, steps=30))
    harmless = OWN.replace('action == "export"', 'action == "logout"')
    candidate = load_policy(with_own(default_text(), harmless))
    with pytest.raises(InputError, match="not recorded of every attempt"):
        seen_by(candidate, history)


class Told:
    """A log that is told step by step; ``honest`` writes down what its attempts lead to."""

    def __init__(self) -> None:
        self.entries: list[Any] = []
        self.now = 1_700_000_000 * SECOND

    def add(self, kind: Any, **fields: Any) -> int:
        self.entries.append(kind(time=self.now, id="abcdefgh", **fields))
        self.now += SECOND
        return len(self.entries)  # the index in the log, which begins with its policy

    def tries(self, actor: str, action: str, *, session: str = "s1", **more: Any) -> int:
        facts = Facts(time=self.now, action=action, actor=actor, session=session, address_kind="residential")
        nothing: dict[str, Any] = {"signals": {}, "evidence": (), "score": 0, "risk": 0, "demand": e.Demand()}
        nothing |= {"standing": e.Standing(), "decision": "allow", "policy": shipped().hash}
        return self.add(AttemptDecided, facts=facts, **nothing, **more)

    def challenges(self, actor: str, name: str, attempt: int, binding: str) -> None:
        asked = {"action": "transfer", "nonce": "ab" * 32, "binding": binding, "aal": 2, "ready": True}
        end = self.now + 300 * SECOND
        self.add(
            e.ChallengeIssued,
            challenge=name,
            actor=actor,
            session="s1",
            expires=end,
            previous=attempt,
            **asked,
        )


def test_grants_prompts_doubts_emergencies_and_revoked_sessions_are_part_of_a_history() -> None:
    """Each circumstance decides an attempt here: a history that forgot one would answer otherwise."""
    log = Told()
    asked = log.tries("ann", "transfer", binding="b1")
    log.challenges("ann", "c1", asked, "b1")
    passed = {"factor": "totp", "amr": ("otp",), "aal": 2, "grant": "g1", "expires": log.now + 300 * SECOND}
    log.add(e.ChallengePassed, challenge="c1", actor="ann", session="s1", previous=asked, **passed)
    log.tries("ann", "transfer", binding="b1", grant="g1")
    for name in ("c2", "c3", "c4"):
        log.challenges("bob", name, log.tries("bob", "transfer", binding=name), name)
    log.tries("bob", "transfer", binding="b9")
    log.tries("cyd", "a.read")
    log.add(e.LogDoubted, source="w", finding="fork", size=9, root="ab" * 32, detail="")
    log.tries("cyd", "a.read")
    log.add(e.LogTrusted, reason="looked")
    log.add(e.PolicyEmergency, on=True, reason="attack")
    log.tries("cyd", "a.read")
    log.add(e.PolicyEmergency, on=False, reason="over")
    log.add(e.SessionRevoked, actor="cyd", session="s1")
    log.tries("cyd", "a.read")
    folding = Folding([shipped()])
    history = read(honest(log.entries, 0), watch=folding)
    folded = folding.folded[0].decided()
    assert [VERDICTS[number] for number in folded.verdict] == [
        "step_up", "allow", "step_up", "step_up", "step_up", "deny", "allow", "step_up", "step_up", "deny",
    ]  # fmt: skip
    found = decided(history.frame, ColumnPolicy(shipped()).assess(seen_by(shipped(), history)))
    assert differs(found, folded) == ""
