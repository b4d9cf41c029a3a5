"""The life of challenges under any order of events: nothing passes beyond what is allowed, memory stays bounded."""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from stepwarden.events.entries import (
    ChallengeAnswered,
    ChallengeFailed,
    ChallengeIssued,
    ChallengePassed,
    Demand,
    Standing,
)
from stepwarden.stepup import issue, standings, state
from stepwarden.stepup.assurance import classes
from stepwarden.stepup.gate import Passed
from stepwarden.stepup.state import MAX_PROMPTS, PROMPT_WINDOW, StepUpState
from tests.stepup.world import MINUTE, SECOND, World

ACTORS = st.sampled_from(["alice", "bob"])
SESSIONS = st.sampled_from(["", "s1", "s2"])
AMOUNTS = st.sampled_from([1, 2])
PICK = st.integers(0, 30)


class LifeCycle(RuleBasedStateMachine):
    """Applications, people, attackers and the clock do what they like, in any order.

    The machine keeps its own, naive book of what happened and compares after each step.
    """

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.attempts: list[tuple[int, object, issue.Offer]] = []
        self.grants: list[tuple[Passed, dict[str, object]]] = []
        self.asked: dict[str, dict[str, object]] = {}
        self.allowed: set[str] = set()

    @initialize()
    def people(self) -> None:
        for actor in ("alice", "bob"):
            self.world.enrol(actor)
        self.codes = {
            "alice": self.world.enrol_recovery("alice"),
            "bob": self.world.enrol_recovery("bob", "r2"),
        }

    @rule(actor=ACTORS, session=SESSIONS, amount=AMOUNTS, recovery=st.booleans())
    def ask(self, actor: str, session: str, amount: int, recovery: bool) -> None:
        action: dict[str, object] = {"actor": actor, "session": session, "parameters": {"amount": amount}}
        demand = Demand(aal=2, bound=True, recovery=recovery)
        index, decided, offer = self.world.attempt(action="transfer", demand=demand, **action)  # type: ignore[arg-type]
        if offer is not None:
            self.attempts.append((index, decided, offer))
            before = self.asked.setdefault(offer.challenge, action)
            assert before == action, "a challenge was offered for another action"

    @rule(
        pick=PICK,
        outcome=st.sampled_from(["unknown", "failure", "success"]),
        proved=st.sampled_from(["pwd", "sms", "geo"]),
    )
    def report(self, pick: int, outcome: str, proved: str) -> None:
        if self.attempts:
            chosen = self.attempts[pick % len(self.attempts)]
            self.world.report(chosen, outcome, (proved,), "s1")  # type: ignore[arg-type]

    @rule(actor=ACTORS, session=st.sampled_from(["s1", "s2"]))
    def sign_in(self, actor: str, session: str) -> None:
        if len(self.world.state.prompts(actor, self.world.now)) < MAX_PROMPTS:
            self.world.sign_in(actor, session)

    @rule(pick=PICK, offset=st.integers(-3, 3))
    def answer_by_code(self, pick: int, offset: int) -> None:
        if self.attempts:
            offer = self.attempts[pick % len(self.attempts)][2]
            actor = str(self.asked[offer.challenge]["actor"])
            self._answered(offer, self.world.answer(offer.challenge, self.world.code(actor, offset=offset)))

    @rule(pick=PICK, number=st.integers(0, 2))
    def answer_by_recovery(self, pick: int, number: int) -> None:
        if self.attempts:
            offer = self.attempts[pick % len(self.attempts)][2]
            code = self.codes[str(self.asked[offer.challenge]["actor"])][number]
            self._answered(offer, self.world.answer(offer.challenge, code, "recovery"))

    @rule(pick=PICK)
    def answer_wrongly(self, pick: int) -> None:
        if self.attempts:
            offer = self.attempts[pick % len(self.attempts)][2]
            assert not isinstance(self.world.answer(offer.challenge, "not it"), Passed)

    def _answered(self, offer: issue.Offer, result: object) -> None:
        if isinstance(result, Passed):
            self.grants.append((result, self.asked[offer.challenge]))

    @rule(pick=PICK, actor=ACTORS, session=SESSIONS, amount=AMOUNTS)
    def use_grant(self, pick: int, actor: str, session: str, amount: int) -> None:
        if not self.grants:
            return
        passed, action = self.grants[pick % len(self.grants)]
        tried: dict[str, object] = {"actor": actor, "session": session, "parameters": {"amount": amount}}
        _, decided, offer = self.world.attempt(action="transfer", grant=passed.grant, **tried)  # type: ignore[arg-type]
        if offer is not None:
            self.asked.setdefault(offer.challenge, tried)
        if decided.decision == "allow":
            assert tried == action, "a grant allowed another action"
            assert passed.grant not in self.allowed, "a grant allowed twice"
            assert self.world.state.clock < passed.expires, "an old grant allowed"
            assert passed.aal == 2, "a grant of too low a level allowed"
            self.allowed.add(passed.grant)

    @rule(seconds=st.sampled_from([-3600, -90, 1, 15, 30, 60, 300, 601, 3600]))
    def time_passes(self, seconds: int) -> None:
        self.world.now += seconds * SECOND
        # The log gives the time, and its time never runs backwards.
        self.world.now = max(self.world.now, self.world.state.clock - 3600 * SECOND)

    @rule()
    def expire(self) -> None:
        for found in self.world.state.due(self.world.now):
            self.world.append(
                issue.expired(found, now=self.world.state.now(self.world.now), entropy=b"123456")
            )

    @rule()
    def restart(self) -> None:
        self.world.state = self.world.refolded()

    @invariant()
    def each_challenge_passes_once_when_open_and_ready(self) -> None:
        """Read from the log alone."""
        ended: set[str] = set()
        issued: dict[str, ChallengeIssued] = {}
        wrong: dict[str, int] = {}
        used: set[tuple[str, str, int]] = set()
        for entry in self.world.log:
            if isinstance(entry, ChallengeIssued):
                issued[entry.challenge] = entry
            elif isinstance(entry, ChallengeAnswered) and entry.result in ("wrong", "replayed"):
                assert entry.challenge not in ended
                wrong[entry.challenge] = wrong.get(entry.challenge, 0) + 1
                assert wrong[entry.challenge] <= 4
            elif isinstance(entry, ChallengeFailed):
                ended.add(entry.challenge)
            elif isinstance(entry, ChallengePassed):
                assert entry.challenge not in ended
                ended.add(entry.challenge)
                assert entry.time < issued[entry.challenge].expires
                assert (entry.factor != "recovery") or (entry.aal == 1 and issued[entry.challenge].recovery)
                assert entry.aal < 2 or classes(entry.amr) > {"held"}
                key = (entry.actor, entry.credential, entry.step)
                assert key not in used, "one code passed twice"
                used.add(key)

    @invariant()
    def prompts_stay_under_the_cap(self) -> None:
        for actor in ("alice", "bob"):
            assert len(self.world.state.prompts(actor, self.world.now)) <= MAX_PROMPTS

    @invariant()
    def a_restart_changes_nothing(self) -> None:
        again = self.world.refolded()
        assert again.sizes() == self.world.state.sizes()
        for actor in ("alice", "bob"):
            for session in ("s1", "s2"):
                now = self.world.now
                assert again.standing(actor, session, now) == self.world.state.standing(actor, session, now)


LifeCycle.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLifeCycle = LifeCycle.TestCase


def test_every_offer_leads_to_an_end() -> None:
    """Passed, failed, expired or refused at the first factor: then the challenge is gone."""
    world = World()
    world.enrol("alice")
    world.sign_in("alice", "s1")
    assert isinstance(world.answer(world.open(), world.code("alice")), Passed)
    challenge = world.open()
    for _ in range(5):
        world.answer(challenge, "000")
    world.open(session="s1", resource="other")
    world.now += 5 * MINUTE
    (late,) = world.state.due(world.now)
    assert world.state.due(world.now) == [late], "asking changes nothing"
    world.append(issue.expired(late, now=world.now, entropy=b"123456"))
    assert world.state.due(world.now) == []
    assert world.state.open_count() == 0


def test_a_challenge_that_reached_nobody_is_forgotten_in_silence() -> None:
    """Attempts without a right password leave no challenge behind and no entry to write."""
    world = World()
    for _ in range(30):
        world.attempt("alice")
    assert world.state.open_count() == 30
    world.now += 5 * MINUTE
    assert world.state.due(world.now) == []
    world.sign_in("bob", "b1")  # whatever is logged next
    assert world.state.open_count() == 0


def test_offers_name_what_would_do() -> None:
    """Only factors that the person has and the demand admits; used up recovery codes are none."""
    world = World()
    world.enrol("alice")
    codes = world.enrol_recovery("alice", count=1)
    demand = Demand(aal=2, recovery=True, bound=True)
    for wanted, factors in ((demand, ("totp", "recovery")), (Demand(aal=2), ("totp",)), (Demand(aal=3), ())):
        offer = world.attempt("alice", demand=wanted)[2]
        assert offer is not None
        assert offer.factors == factors
    world.sign_in("alice", "s1")
    world.answer(world.open(demand=demand), codes[0], "recovery")
    assert world.state.people.enrolled("alice") == ("totp",)


def test_memory_is_bounded(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Floods of attempts, sessions and prompts displace each other, never a challenge that reached somebody."""
    monkeypatch.setattr(state, "MAX_OPEN", 20)
    monkeypatch.setattr(standings, "MAX_SESSIONS", 10)
    world = World()
    world.sign_in("alice", "s1")
    kept = world.open()
    for number in range(200):
        world.attempt(f"nobody{number}")
        world.sign_in("bob", f"s{number}")
    found = world.state.challenge(kept)
    assert found is not None
    assert found.ready
    sizes = world.state.sizes()
    assert sizes["waiting"] + sizes["ready"] == 20
    assert sizes["sessions"] == 10
    assert len(world.state._expiries) <= 4 * 20 + 1
    world.now += PROMPT_WINDOW + 1
    world.sign_in("bob", "s1")
    assert world.state.sizes() | {"sessions": 0} == dict.fromkeys(sizes, 0) | {"ready": 1}


def test_a_standing_lapses_and_is_never_replaced_by_an_older_proof() -> None:
    """AAL2 for 12 hours, AAL1 for 30 days, and what is newer stays."""
    held = standings.Standings()
    held.prove("a", "s", Standing(aal=1, since=1000, amr=("pwd",)))
    held.prove("a", "s", Standing(aal=2, since=2000, amr=("otp", "pwd")))
    held.prove("a", "s", Standing(aal=2, since=1500, amr=("face", "pwd")))
    held.prove("a", "s", Standing(aal=1, since=500, amr=("sms",)))
    assert held.get("a", "s", 2000 + standings.RAISED_FOR - 1) == Standing(
        aal=2, since=2000, amr=("otp", "pwd")
    )
    assert held.get("a", "s", 2000 + standings.RAISED_FOR) == Standing(aal=1, since=1000, amr=("pwd",))
    assert held.get("a", "s", 1000 + standings.BASE_FOR) == Standing()


def test_a_grant_lapses_on_the_later_of_both_clocks() -> None:
    """Neither the caller's clock nor the log's may lie behind."""
    world = World()
    world.enrol("alice")
    world.sign_in("alice", "s1")
    passed = world.answer(world.open(), world.code("alice"))
    assert isinstance(passed, Passed)
    hashed, bound = next((name, known.binding) for name, known in world.state.successes.grants.items())
    assert world.state.grant(hashed, bound, world.now) is not None
    world.state.clock = passed.expires
    assert world.state.grant(hashed, bound, world.now) is None


def test_a_fold_takes_every_kind_of_entry() -> None:
    """Entries of other rooms pass through without a trace."""
    from stepwarden.events.entries import Administration, ServiceStarted, ServiceStopped

    folded = StepUpState()
    folded.fold(ServiceStarted(time=1, id="a", version="1", size=0, settings="", signal_limits={}), 0)
    folded.fold(Administration(time=2, id="a", action="keys.create"), 1)
    folded.fold(ServiceStopped(time=3, id="a", reason=""), 2)
    assert set(folded.sizes().values()) == {0}
    assert folded.clock == 3
