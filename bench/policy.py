"""Microseconds per assessment by the shipped policy, beside hand-written Python and Google's CEL on the same rules.

``rows`` gives (name, value, unit, name of what stands beside, its value). The hand-written function does a tenth of
the rules, with no evidence and no demand: what the interpreter itself costs. cel-cpp evaluates every rule by
itself on one shared activation.
"""

import math
import time
from collections.abc import Callable
from typing import Any

from cel_expr_python import cel

from stepwarden.events.entries import Standing
from stepwarden.events.facts import Facts
from stepwarden.policy.cases import load_cases, run
from stepwarden.policy.cel.emit import FACTS, Values
from stepwarden.policy.default import default_cases, default_text
from stepwarden.policy.loader import VARIABLES, load
from stepwarden.signals.catalogue import POSITION, dense

Row = tuple[str, float, str, str, float]
FACTS_NOW = Facts(time=10**15, action="login", address_kind="residential", country="DE", asn="3320")
QUIET = dense({"actor_logins": 12, "actor_successes_24h": 2, "hour_of_week_seen": 3})
LOUD = dense({"actor_logins": 12, "new_device": True, "new_agent": True, "actor_failures_10m": 4})
NOBODY = Standing()


def _best(call: Callable[[], object], times: int, rounds: int = 7) -> float:
    """Microseconds per call in the quickest of several rounds: the least disturbed one."""
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(times):
            call()
        found.append((time.perf_counter() - start) / times * 1e6)
    return min(found)


_FEW, _MANY = POSITION["actor_failures_10m"], POSITION["actor_failures_1h"]
_DEVICE, _NETWORK, _AGENT = POSITION["new_device"], POSITION["new_network"], POSITION["new_agent"]


def _by_hand(v: Values) -> float:
    """Five rules as one would write them in Python."""
    score = -4.0
    if int(v[_FEW]) >= 3:
        score += 1.2
    if int(v[_MANY]) >= 6:
        score += 1.6
    if v[_DEVICE]:
        score += 2.7
    if v[_NETWORK]:
        score += 1.0
    if v[_AGENT]:
        score += 0.4
    return 1 / (1 + math.exp(-score))


def _google() -> Callable[[], object]:
    """All rules of the shipped policy, evaluated one after the other by cel-cpp."""
    kinds = {"int": cel.Type.INT, "bool": cel.Type.BOOL, "string": cel.Type.STRING}
    env = cel.NewEnv(variables={name: kinds[kind] for name, kind in VARIABLES.items()})
    rules = [env.compile(rule.when) for rule in load(default_text()).rules]
    data: dict[str, Any] = {name: LOUD[position] for name, position in POSITION.items()}
    data |= {name: getattr(FACTS_NOW, name) for name in FACTS}
    data |= {"sensitivity": 1, "standing_aal": 0}

    def all_rules() -> list[object]:
        activation = env.Activation(data)
        return [rule.eval(activation).value() for rule in rules]

    return all_rules


def rows() -> list[Row]:
    """Four figures, each with its peer measured in the same run."""
    policy = load(default_text())
    cases = load_cases(default_cases(), policy)
    count = len(policy.rules)
    hand = _best(lambda: _by_hand(LOUD), 20_000)
    google = _best(_google(), 100)
    quiet = _best(lambda: policy.assess(FACTS_NOW, QUIET, NOBODY), 20_000)
    loud = _best(lambda: policy.assess(FACTS_NOW, LOUD, NOBODY), 20_000)
    compiling = _best(lambda: load(default_text()), 1, 5) / 1000
    testing = _best(lambda: run(policy, cases), 1, 5) / len(cases)
    return [
        (f"assess, {count} rules, none holds", quiet, "µs", "5 rules by hand in Python", hand),
        (f"assess, {count} rules, three hold", loud, "µs", f"cel-cpp, the same {count} rules", google),
        ("load and compile the policy", compiling, "ms", "one assessment", loud / 1000),
        ("one case of `policy test`", testing, "µs", "one assessment", loud),
    ]


if __name__ == "__main__":
    for row in rows():
        print(f"{row[0]:40} {row[1]:10.2f} {row[2]:3} | {row[3]:32} {row[4]:10.3f}")
