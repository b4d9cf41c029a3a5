"""Random logs: entries of every kind over a few people, challenges and policies, so that they meet each other."""

from typing import Any, get_args

from hypothesis import strategies as st

from stepwarden.events import entries as e
from stepwarden.events.facts import Facts
from stepwarden.events.policies import Step, Way
from stepwarden.policy.loader import load

SECOND = 1_000_000
_TEXT = 'version: 1\nname: NAME\nprior: -4.0\nactions: {"*": {demand: none, sensitivity: 0}}\nbands: []\nrules: []\n'
_OWN = "signals:\n  mine: {primitive: count, key: [actor], window: 1h}\n"
TEXTS = (_TEXT.replace("NAME", "p"), _TEXT.replace("NAME", "q"), _TEXT.replace("NAME", "r") + _OWN)
POLICIES = tuple((load(text).hash, text) for text in TEXTS)
LIMITS = ("actors", "active", "addresses", "networks", "devices", "sessions", "trouble", "labels")

people = st.sampled_from(["", "ann", "bob", "cyd"])
somebody = st.sampled_from(["ann", "bob", "cyd"])
sessions = st.sampled_from(["", "s1", "s2", "s3"])
challenges = st.sampled_from(["c1", "c2", "c3", "c4"])
factors = st.sampled_from(["totp", "totp", "recovery", "webauthn", "email", "provider"])
credentials = st.sampled_from(["k1", "k2", "k1.0", "k2.1"])
grants = st.sampled_from(["", "g1", "g2"])
bindings = st.sampled_from(["b1", "b2"])
levels: Any = st.sampled_from([0, 1, 2])
verdicts: Any = st.sampled_from(["allow", "step_up", "deny"])
proofs: Any = st.sampled_from([(), ("pwd",), ("otp",), ("pwd", "otp")])
counts = st.integers(0, 5)
hashes = st.sampled_from(["ab" * 32, "cd" * 32])
besides = st.builds(
    e.Beside,
    policy=st.sampled_from([digest for digest, _ in POLICIES]),
    risk=st.just(1),
    decision=verdicts,
    added=st.sampled_from([(), ("new-device",)]),
    removed=st.sampled_from([(), ("new-device",), ("tor",)]),
    alone=st.none() | verdicts,
    failed=st.booleans(),
)


@st.composite
def facts(draw: st.DrawFn, time: int) -> Facts:
    return Facts(
        time=max(0, time - draw(st.sampled_from([0, 0, 5, 4000])) * SECOND),
        action=draw(st.sampled_from(["login", "transfer", "logout", "password.change"])),
        actor=draw(people),
        session=draw(sessions),
        address=draw(st.sampled_from(["", "a1", "a2", "a3"])),
        network=draw(st.sampled_from(["", "n1"])),
        device=draw(st.sampled_from(["", "d1", "d2"])),
        outcome=draw(st.sampled_from(["success", "failure", "unknown"])),
        proved=draw(proofs),
    )


def _fields(kind: type, time: int, index: int) -> dict[str, st.SearchStrategy[Any]]:
    """What an entry of this kind is filled with, beyond what all kinds have."""
    about: dict[Any, dict[str, st.SearchStrategy[Any]]] = {
        e.AttemptDecided: {
            "facts": facts(time),
            "signals": st.just({}),
            "evidence": st.just(()),
            "score": st.just(0),
            "risk": st.just(0),
            "demand": st.just(e.Demand()),
            "standing": st.just(e.Standing()),
            "decision": verdicts,
            "policy": st.sampled_from([digest for digest, _ in POLICIES]),
            "beside": st.none() | besides,
            "binding": bindings,
            "grant": grants,
            "key": st.sampled_from(["", "1" * 64, "2" * 64]),
        },
        e.OutcomeReported: {
            "facts": facts(time),
            "decision": verdicts,
            "session": sessions,
            "learn": st.booleans(),
        },
        e.EventRecorded: {"facts": facts(time)},
        e.ChallengeIssued: {
            "challenge": challenges,
            "actor": somebody,
            "session": sessions,
            "action": st.just("transfer"),
            "nonce": hashes,
            "binding": bindings,
            "aal": levels,
            "expires": st.integers(0, 400).map(lambda seconds: time + seconds * SECOND),
            "ready": st.booleans(),
            "proved": proofs,
        },
        e.ChallengePassed: {
            "challenge": challenges,
            "actor": somebody,
            "session": sessions,
            "factor": factors,
            "amr": proofs,
            "aal": levels,
            "grant": grants,
            "expires": st.integers(0, 400).map(lambda seconds: time + seconds * SECOND),
            "credential": credentials,
            "step": counts,
            "held": st.booleans(),
            "deferred": st.booleans(),
            "backup_changed": st.booleans(),
        },
        e.FactorEnrolled: {
            "actor": somebody,
            "factor": factors,
            "credential": credentials,
            "count": counts,
        },
        e.PolicyChanged: {},
        e.ServiceStarted: {
            "version": st.just("1"),
            "size": st.just(index),
            "settings": st.just(""),
            "signal_limits": st.fixed_dictionaries({name: st.integers(1, 4) for name in LIMITS}),
        },
    }
    return about.get(kind, {})


_PLAIN: dict[str, Any] = {
    "challenge": challenges,
    "actor": somebody,
    "session": sessions,
    "factor": factors,
    "credential": credentials,
    "policy": hashes,
    "root": hashes,
    "state": hashes,
    "known": st.lists(st.sampled_from(["1:ab", "2:cd"]), max_size=2).map(tuple),
    "witnesses": st.just(("w1", "w2")),
    "device": st.sampled_from(["", "d1", "d2"]),
    "expires": st.integers(1_700_000_000, 1_700_400_000).map(lambda second: second * SECOND),
    "floor": st.integers(0, 3).map(lambda number: number * 256),
    "reliability": st.integers(1, 100),
    "address": st.sampled_from(["", "a1", "a2"]),
}
"""By the name of the field, for every kind that ``_fields`` does not fill."""


@st.composite
def entry(draw: st.DrawFn, kind: type, time: int, index: int) -> Any:
    """One entry of ``kind`` at ``time``."""
    common: dict[str, Any] = {
        "time": time,
        "id": "abcdefgh",
        "previous": draw(st.integers(-1, max(-1, index - 1))),
    }
    if kind is e.PolicyChanged:
        digest, text = draw(st.sampled_from(POLICIES))
        way = draw(st.sampled_from(get_args(Way)))
        return e.PolicyChanged(**common, policy=digest, text=text, name="p", way=way)
    if kind is e.PolicyStepped:
        digest, text = draw(st.sampled_from(POLICIES))
        step = draw(st.sampled_from(get_args(Step)))
        about = {"text": text, "name": "p"} if step == "draft" else {"share": draw(st.integers(1, 10_000))}
        return e.PolicyStepped(**common, policy=digest, step=step, digest="ab", summary="x", **about)
    given = _fields(kind, time, index)
    values = {name: draw(strategy) for name, strategy in given.items()}
    for field, hint in kind.__annotations__.items():
        if field in values:
            continue
        if field in _PLAIN:
            values[field] = draw(_PLAIN[field])
        elif get_args(hint) and all(isinstance(one, str) for one in get_args(hint)):
            values[field] = draw(st.sampled_from(get_args(hint)))
        elif hint is int:
            values[field] = draw(counts)
        elif hint is str:
            values[field] = "x"
        elif hint is bool:
            values[field] = draw(st.booleans())
    return kind(**common, **values)


@st.composite
def logs(draw: st.DrawFn, most: int = 60) -> list[Any]:
    """A log of up to ``most`` entries, times never running backwards."""
    kinds = draw(st.lists(st.sampled_from(get_args(e.Entry)), max_size=most))
    steps = st.sampled_from([0, 0, 1, 40, 700, 90_000])
    time, found = 1_700_000_000 * SECOND, []
    for index, kind in enumerate(kinds):
        time += draw(steps) * SECOND
        found.append(draw(entry(kind, time, index)))
    return found
