"""The life of policies: which step may follow which, that nothing gets round it, and that it survives a dump."""

from hashlib import sha256
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.errors import ConflictError, InputError, NotFoundError
from stepwarden.events.entries import PolicyChanged, PolicyEmergency, PolicyStepped
from stepwarden.flow.lifecycle import FORMER, POLICIES, LifeCycle, Record
from tests.flow.log_streams import POLICIES as KNOWN

A, B, C = (digest for digest, _ in KNOWN)
TEXTS = dict(KNOWN)
DIGEST = "ab" * 32


def stepped(step: Any, policy: str = B, **more: Any) -> PolicyStepped:
    if step == "draft":
        more = {"text": TEXTS.get(policy, ""), "name": "p", **more}
    if step in ("tested", "back-tested"):
        more = {"digest": DIGEST, "summary": "5 of 5", **more}
    if step == "canary":
        more = {"share": 1_000, **more}
    return PolicyStepped(time=1, id="abcdefgh", policy=policy, step=step, **more)


def changed(cycle: LifeCycle, way: Any, policy: str = B, **more: Any) -> PolicyChanged:
    more = {"replaces": cycle.live, **more}
    return PolicyChanged(
        time=1, id="abcdefgh", policy=policy, text=TEXTS.get(policy, "x"), name="p", way=way, **more
    )


class Life:
    """A cycle in which A is live, and B has gone so many steps."""

    def __init__(self, *steps: str) -> None:
        self.cycle = LifeCycle()
        self.index = 0
        self.take(changed(self.cycle, "file", A))
        for step in steps:
            self.take(stepped(step))

    def take(self, entry: Any) -> None:
        self.cycle.permit(entry)
        self.cycle.fold(self.index, entry)
        self.index += 1

    def refuses(self, entry: Any) -> None:
        before = msgspec.msgpack.encode(self.cycle)
        with pytest.raises((ConflictError, NotFoundError, InputError)):
            self.cycle.permit(entry)
        if isinstance(entry, PolicyStepped):
            self.cycle.fold(self.index, entry)
            assert msgspec.msgpack.encode(self.cycle) == before, "a refused step has changed something"

    def promote(self, **more: Any) -> PolicyChanged:
        return changed(self.cycle, "promoted", **more)

    def back(self) -> PolicyChanged:
        return changed(self.cycle, "rolled-back", self.cycle.former[-1] if self.cycle.former else A)

    @property
    def b(self) -> Record:
        return self.cycle.records[B]


def test_the_whole_life_of_a_policy() -> None:
    """From its draft to its retirement, each step where it belongs."""
    life = Life("draft", "tested", "back-tested", "shadow", "canary")
    assert (life.cycle.candidate, life.b.stage, life.b.share) == (B, "canary", 1_000)
    life.take(life.promote())
    assert (life.cycle.live, life.cycle.candidate, life.cycle.former) == (B, "", [A])
    life.take(life.back())
    assert (life.cycle.live, life.cycle.former, life.b.stage) == (A, [], "retired")
    steps = ["draft", "tested", "back-tested", "shadow", "canary", "promoted"]
    assert [one.step for one in life.b.steps] == steps
    life.take(stepped("draft"))
    assert (life.b.stage, life.b.tested, life.b.tried) == ("draft", False, False)


@pytest.mark.parametrize(
    ("steps", "permitted"),
    [
        (("draft",), False),
        (("draft", "tested"), False),
        (("draft", "back-tested"), False),
        (("draft", "shadow"), False),
        (("draft", "tested", "back-tested"), True),
        (("draft", "tested", "shadow"), True),
        (("draft", "shadow", "canary", "tested"), True),
        (("draft", "tested", "shadow", "withdrawn"), True),
        (("draft", "tested", "shadow", "retired"), False),
    ],
)
def test_promotion_takes_a_test_and_a_trial_or_a_back_test(steps: tuple[str, ...], permitted: bool) -> None:
    """Or a reason to do without; of which a retired policy has none that helps."""
    life = Life(*steps)
    if permitted:
        life.take(life.promote())
        assert life.cycle.live == B
        return
    life.refuses(life.promote())
    forced = life.promote(forced="the house is on fire")
    if life.b.stage == "retired":
        life.refuses(forced)
    else:
        life.take(forced)
        assert "on fire" in life.b.steps[-1].summary


def test_a_canary_takes_a_back_test_or_a_time_in_shadow() -> None:
    """What nobody has looked at decides for nobody; nor does a share of nobody, or of more than all."""
    Life("draft", "tested").refuses(stepped("canary"))
    for before in ("back-tested", "shadow"):
        life = Life("draft", before)
        for share in (0, -1, 10_001):
            life.refuses(stepped("canary", share=share))
        life.take(stepped("canary", share=1))


def test_one_candidate_at_a_time() -> None:
    """A second one waits until the first has gone."""
    life = Life("draft", "shadow")
    life.take(stepped("draft", C))
    life.take(stepped("back-tested", C))
    life.refuses(stepped("shadow", C))
    life.refuses(stepped("canary", C))
    life.take(stepped("withdrawn"))
    life.take(stepped("canary", C))


def test_whatever_becomes_live_ends_a_canary_and_not_a_shadow() -> None:
    """A canary was tried against the policy that was live; a shadow goes on, and is compared anew."""
    life = Life("draft", "shadow", "canary")
    life.take(changed(life.cycle, "file", C))
    assert (life.cycle.candidate, life.b.stage, life.b.share) == ("", "draft", 0)
    life = Life("draft", "shadow")
    assert life.b.results is not None
    life.b.results.attempts = 7
    life.take(changed(life.cycle, "file", C))
    assert life.cycle.candidate == B
    assert (life.b.results.live, life.b.results.attempts) == (C, 0)


def test_rolling_back_goes_one_policy_back_each_time() -> None:
    """And never to the one that was just left, nor past the first."""
    life = Life("draft", "tested", "back-tested")
    life.take(life.promote())
    life.take(changed(life.cycle, "file", C))
    assert life.cycle.former == [A, B]
    life.refuses(changed(life.cycle, "rolled-back", A))
    life.take(life.back())
    life.take(life.back())
    assert (life.cycle.live, life.cycle.former) == (A, [])
    life.refuses(life.back())


def test_the_live_policy_cannot_be_retired_and_a_former_one_is_gone_for_rolling_back() -> None:
    life = Life("draft", "tested", "back-tested")
    life.refuses(stepped("retired", A))
    life.take(life.promote())
    life.take(stepped("retired", A))
    life.refuses(life.back())


def test_a_draft_is_its_own_text() -> None:
    """A hash that belongs to another text, a report without its digest: nothing that was not looked at."""
    life = Life()
    life.refuses(stepped("draft", text=TEXTS[C]))
    life.refuses(stepped("shadow"))
    life.take(stepped("draft"))
    life.refuses(stepped("draft"))
    life.refuses(stepped("tested", digest="ab"))
    life.refuses(stepped("tested", digest=DIGEST.upper()))
    life.refuses(stepped("tested", summary=""))


def test_attack_an_emergency_is_switched_by_its_own_entries_alone() -> None:
    """No step of any policy drops it: not a rollback, a file, a promotion."""
    life = Life("draft", "tested", "back-tested")
    life.refuses(PolicyEmergency(time=1, id="a", on=False, reason="x"))
    life.take(PolicyEmergency(time=1, id="a", on=True, reason="x"))
    life.take(life.promote())
    life.take(life.back())
    life.take(changed(life.cycle, "file", C))
    assert life.cycle.emergency is not None
    life.refuses(PolicyEmergency(time=1, id="a", on=True, reason="x"))
    life.take(PolicyEmergency(time=1, id="a", on=False, reason="x"))
    assert life.cycle.emergency is None


def test_what_is_kept_is_bounded() -> None:
    """Any number of drafts, and of policies that were live: the live one, the candidate and the former stay."""
    life = Life("draft", "shadow")
    for number in range(3 * POLICIES):
        text = TEXTS[C] + f"# {number}\n"
        policy = sha256(text.encode()).hexdigest()
        life.take(stepped("draft", policy, text=text))
        if number % 3 == 0:
            life.take(changed(life.cycle, "promoted", policy, forced="x"))
    assert len(life.cycle.records) <= POLICIES
    assert len(life.cycle.former) == FORMER
    assert {life.cycle.live, life.cycle.candidate, *life.cycle.former} <= set(life.cycle.records)
    assert life.cycle.candidate == B


ops = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "draft", "tested", "back-tested", "shadow", "canary", "withdrawn", "retired",
                "file", "promoted", "forced", "rolled-back",
            ]
        ),
        st.sampled_from([A, B, C]),
    ),
    max_size=40,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(ops)
def test_whatever_is_asked_for_the_life_holds_together(asked: list[tuple[str, str]]) -> None:
    """Permitted or not: one live policy, one candidate, nobody decides who was not looked at, dumps come back."""
    life = Life()
    looked: dict[str, set[str]] = {}
    for step, policy in asked:
        cycle = life.cycle
        before = {one: record.stage for one, record in cycle.records.items()}
        if step in ("file", "promoted", "forced", "rolled-back"):
            way = "promoted" if step == "forced" else step
            entry: Any = changed(cycle, way, policy, forced="x" if step == "forced" else "")
        else:
            entry = stepped(step, policy)
        try:
            cycle.permit(entry)
        except (ConflictError, NotFoundError, InputError):
            continue
        cycle.fold(life.index, entry)
        life.index += 1
        if step == "draft":
            assert before.get(policy, "retired") == "retired"
            looked[policy] = set()
        elif before.get(policy) == "retired":
            assert step == "file", "a retired policy came back without a draft"
        looked.setdefault(policy, set()).add(step)
        if step == "promoted":
            assert "tested" in looked[policy]
            assert looked[policy] & {"back-tested", "shadow", "canary"}
        if step == "canary":
            assert looked[policy] & {"back-tested", "shadow"}
        stages = [record.stage for record in cycle.records.values()]
        assert stages.count("live") == 1
        assert cycle.records[cycle.live].stage == "live"
        candidates = [one for one, record in cycle.records.items() if record.stage in ("shadow", "canary")]
        assert candidates == ([cycle.candidate] if cycle.candidate else [])
        assert {one for one, record in cycle.records.items() if record.stage == "former"} == set(cycle.former)
        dumped = msgspec.msgpack.encode(cycle)
        assert msgspec.msgpack.encode(msgspec.msgpack.decode(dumped, type=LifeCycle)) == dumped
