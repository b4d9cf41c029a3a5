"""The same plan through a running server over HTTP and through the engine: one and the same decisions.

The server decides by its own clock, so its log is read afterwards, and the site in this process is told the very times
that stand there. Everything else it works out by itself.
"""

import time
from collections.abc import Iterator

import httpx
import pytest

from stepwarden.app.lookups import make_lookups
from stepwarden.app.settings import Settings
from stepwarden.errors import InputError, StepwardenError
from stepwarden.events.attempt import Attempt, Outcome
from stepwarden.events.encoding import decode_trusted
from stepwarden.events.entries import (
    AttemptDecided,
    ChallengeAnswered,
    ChallengeFailed,
    ChallengeIssued,
    ChallengePassed,
    Entry,
    FactorEnrolled,
    OutcomeReported,
)
from stepwarden.flow.facts import Describer
from stepwarden.lab.replay import PlainTokens
from stepwarden.lab.simulate.engine import Engine
from stepwarden.lab.simulate.live import LiveSite, Pace, Said, There
from stepwarden.lab.simulate.offline import Here, OfflineSite
from stepwarden.lab.simulate.plan import Planned, Reply
from stepwarden.signals.catalogue import sparse
from stepwarden.signals.limits import STANDARD
from stepwarden.signals.travel import Places
from tests.lab.lab_house import shipped
from tests.lab.simulate_house import HOUR, MINUTE, SECOND, START, act, guesses, login, takeover
from tests.stories.running import Server

PEOPLE = 24
REPLIES: tuple[Reply, ...] = ("pass", "fail", "ignore", "deny")
LIVED = (
    AttemptDecided,
    OutcomeReported,
    ChallengeIssued,
    ChallengeAnswered,
    ChallengePassed,
    ChallengeFailed,
)


def clock() -> int:
    return time.time_ns() // 1000


class Clients:
    """``live.Post`` by a client of httpx."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def __call__(self, path: str, body: bytes) -> Said:
        answer = self._http.post(path, content=body, headers={"content-type": "application/json"})
        return Said(answer.status_code, answer.content)


def people() -> Iterator[Planned]:
    """A day in which each person does a little of everything, and answers one challenge in each way at most."""
    for turn in range(5):
        for person in range(PEOPLE):
            at = turn * HOUR + person * MINUTE
            if (person + turn) % 4 == 0:
                yield login(at, person, right=False)
            session = f"session-{turn}-{person}"
            new = turn in (2, 3) and person % 3 == 0
            reply = REPLIES[person % 4] if turn == 2 else "ignore"
            yield login(
                at + SECOND, person, device=f"new-{turn}-{person}" if new else "", reply=reply, opens=session
            )
            # Passing twice within half a minute of the real clock would take a second code.
            can_pass = turn == 4 and not (person % 3 == 0 and person % 4 == 0)
            yield act(
                at + 30 * SECOND,
                person,
                session,
                # Three prompts within ten minutes, all in vain, would have everything after them refused.
                "transfer" if turn == 4 or (turn == 0 and person % 5 == 0) else "messages.read",
                reply="pass" if can_pass else "ignore",
            )


class AsItWas:
    """The site in this process at the times at which a log says that things happened."""

    def __init__(self, site: OfflineSite, log: list[Entry]) -> None:
        self.site = site
        self.folded: list[Entry] = []
        self.answers: list[Here] = []
        self._log = log
        self._at = 0
        fold = site.state.fold

        def watched(entry: Entry) -> int:
            self.folded.append(entry)
            return fold(entry)

        site.state.fold = watched  # type: ignore[method-assign]

    def _time(self) -> int:
        """When the entry stands in the log that comes next."""
        while not isinstance(self._log[len(self.folded)], LIVED):
            raise AssertionError(f"an entry that the engine does not know: {self._log[len(self.folded)]}")
        return self._log[len(self.folded)].time

    def arrive(self, time: int) -> None:
        pass

    def decide(self, attempt: Attempt, time: int, grant: str = "") -> Here:
        decided = self.site.decide(attempt, self._time(), grant)
        self.answers.append(decided)
        return decided

    def weigh(self, attempt: Attempt, time: int) -> None:
        pass

    def report(self, decided: Here, outcome: Outcome, opens: str, time: int) -> None:
        self.site.report(decided, outcome, opens, self._time())

    def fresh_code(self, actor: str, time: int) -> int:
        return time

    def answer(self, decided: Here, actor: str, time: int, *, right: bool) -> str:
        return self.site.answer(decided, actor, self._time(), right=right)

    def deny(self, decided: Here, time: int) -> None:
        self.site.deny(decided, self._time())


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[There], list[Entry]]:
    """What a running server answered, and its log."""
    with Server(tmp_path_factory.mktemp("lived") / "data") as server:
        key = server.make_key()
        with server.client(key) as http:
            pace = Pace(begin=START, speed=1e9, wall=0)
            site = LiveSite(Clients(http), pace, clock=clock, sleep=time.sleep, suffix=".x", prior=-4000)
            site.enrol([f"person-{number}" for number in range(PEOPLE)])
            engine = Engine[There](site)
            scripts = [takeover(3, 4 * HOUR + 40 * MINUTE), guesses(PEOPLE, 4 * HOUR + 50 * MINUTE)]
            rows = list(engine.run(people(), scripts))
        log = [decode_trusted(leaf) for leaf in server.leaves()]
    return [row.decided for row in rows], log  # type: ignore[misc]


@pytest.fixture(scope="module")
def recomputed(
    lived: tuple[list[There], list[Entry]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[AsItWas, list[Entry]]:
    """The same plan in this process, and the part of the log that it has to be equal to."""
    log = lived[1]
    enrolled = [entry for entry in log if isinstance(entry, FactorEnrolled)]
    assert len(enrolled) == PEOPLE
    rest: list[Entry] = [entry for entry in log[log.index(enrolled[-1]) + 1 :] if isinstance(entry, LIVED)]
    addresses, agents = make_lookups(Settings(), tmp_path_factory.mktemp("lookups"))
    describer = Describer(
        PlainTokens(), addresses, agents, trusted_proxies=(), places=Places(1_000), remembered=1_000
    )
    site = OfflineSite(describer, shipped(), STANDARD, log[0].time)
    for number, entry in enumerate(enrolled):
        site.enrol([f"person-{number}"], entry.time)
    again = AsItWas(site, rest)
    scripts = [takeover(3, 4 * HOUR + 40 * MINUTE), guesses(PEOPLE, 4 * HOUR + 50 * MINUTE)]
    list(Engine[Here](again).run(people(), scripts))
    return again, rest


def test_offline_folds_the_entries_that_the_server_appends(recomputed: tuple[AsItWas, list[Entry]]) -> None:
    """Entry for entry the same kinds at the same times, several hundred of them."""
    again, log = recomputed
    assert len(log) > 400
    assert [(type(one).__name__, one.time) for one in again.folded] == [
        (type(one).__name__, one.time) for one in log
    ]


def test_offline_decides_as_the_server_does(recomputed: tuple[AsItWas, list[Entry]]) -> None:
    """Decision, risk, score, evidence, demand, standing and every signal are the same for every attempt."""
    again, log = recomputed
    decided = [entry for entry in log if isinstance(entry, AttemptDecided)]
    here = [entry for entry in again.folded if isinstance(entry, AttemptDecided)]
    assert {entry.decision for entry in decided} == {"allow", "step_up", "deny"}
    assert sum(isinstance(entry, ChallengePassed) for entry in log) > 5
    assert sum(isinstance(entry, ChallengeAnswered | ChallengeFailed) for entry in log) > 1
    for live, offline, answer in zip(decided, here, again.answers, strict=True):
        assert sparse(answer.values) == live.signals
        for name in ("decision", "risk", "score", "evidence", "demand", "standing"):
            assert getattr(live, name) == getattr(offline, name), (name, live)
        assert bool(live.grant) == bool(offline.grant)
        assert bool(live.binding) == bool(offline.binding)


def test_offline_reports_as_the_server_records(recomputed: tuple[AsItWas, list[Entry]]) -> None:
    """Outcomes, what may be learned of them, and how challenges were answered."""
    again, log = recomputed
    for live, offline in zip(log, again.folded, strict=True):
        match live, offline:
            case OutcomeReported(), OutcomeReported():
                assert (live.facts.outcome, live.decision, live.learn, bool(live.session)) == (
                    offline.facts.outcome, offline.decision, offline.learn, bool(offline.session)
                )  # fmt: skip
            case ChallengeIssued(), ChallengeIssued():
                assert (live.aal, live.ready, live.proved, live.methods) == (
                    offline.aal, offline.ready, offline.proved, offline.methods
                )  # fmt: skip
            case ChallengePassed(), ChallengePassed():
                assert (live.aal, live.amr, live.factor) == (offline.aal, offline.amr, offline.factor)
            case _:
                pass


def test_over_http_the_same_is_told_as_stands_in_the_log(lived: tuple[list[There], list[Entry]]) -> None:
    """What a client hears of each attempt is what was recorded of it: decision, risk and the policy's reasons."""
    told, log = lived
    by_id = {f"{index}-{entry.id}": entry for index, entry in enumerate(log)}
    rules = {rule.id for rule in shipped().rules}
    for one in told:
        entry = by_id[one.id]
        assert isinstance(entry, AttemptDecided)
        assert (one.decision, one.risk, one.aal) == (entry.decision, entry.risk, entry.demand.aal)
        heard = {(term.rule, term.weight) for term in one.evidence if term.rule in rules}
        assert heard == {(term.rule, term.weight) for term in entry.evidence if term.rule in rules}


class Canned:
    """Says one thing after the other, whatever is asked."""

    def __init__(self, *said: Said) -> None:
        self._said = list(said)

    def __call__(self, path: str, body: bytes) -> Said:
        return self._said.pop(0)


def canned(*said: Said, slept: list[float] | None = None) -> LiveSite:
    sleeps = slept if slept is not None else []
    return LiveSite(
        Canned(*said),
        Pace(begin=START, speed=60.0, wall=1_000 * SECOND),
        clock=lambda: 1_000 * SECOND,
        sleep=sleeps.append,
        suffix="",
        prior=0,
    )


def test_a_busy_server_is_asked_again() -> None:
    """503 with the code of a full queue is waited out; nothing is skipped."""
    busy = Said(503, b'{"code":"service.busy"}', 2.0)
    slept: list[float] = []
    site = canned(busy, busy, Said(200, b'{"id":"1-a","decision":"allow","risk":0.02}'), slept=slept)
    assert site.decide(login(0, 1).attempt, START).decision == "allow"
    assert slept == [2.0, 2.0]


def test_attack_an_answer_that_is_none_is_never_an_allowance() -> None:
    """Whatever else answers at that address stops the run: nothing is counted that was not decided."""
    for said in (
        Said(200, b"<html>"),
        Said(200, b'{"id":"1-a","decision":"sure","risk":0}'),
        Said(302, b""),
        Said(404, b"{}"),
        Said(500, b""),
    ):
        with pytest.raises(InputError):
            canned(said).decide(login(0, 1).attempt, START)


def test_a_server_that_stays_busy_ends_the_run_with_advice() -> None:
    """The message says what to do."""
    with pytest.raises(StepwardenError, match="--speed"):
        canned(*[Said(503, b'{"code":"service.busy"}')] * 50).decide(login(0, 1).attempt, START)


def test_the_plan_is_kept_to_at_its_speed() -> None:
    """An hour of the plan is a minute of the clock at sixty times the speed."""
    slept: list[float] = []
    canned(slept=slept).arrive(START + HOUR)
    assert slept == [60.0]
