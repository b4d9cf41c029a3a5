"""How accurate the shipped policy is: the targets on a simulation, and what it does to real logs of others.

The simulation is small enough for a benchmark (5,000 people, 150 days); the one that is published takes longer
(docs/accuracy.md). Beside each figure stands what the literature reached. Real logs stand beside the project, where
somebody has put them (``../shared/data``); without them those rows are missing. Nothing was tuned to them.
"""

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

from bench.table import Row
from stepwarden.connect.importers.base import Imported
from stepwarden.connect.lookups.addresses import Addresses
from stepwarden.connect.lookups.agents import Agents
from stepwarden.errors import InputError
from stepwarden.flow.facts import Describer
from stepwarden.lab.accuracy.figures import measure
from stepwarden.lab.accuracy.results import read
from stepwarden.lab.accuracy.targets import Target
from stepwarden.lab.logs import Logs
from stepwarden.lab.ordering import in_order
from stepwarden.lab.replay import PlainTokens, Replay, Replayed
from stepwarden.lab.simulate.run import Asked, Plan, attacks_of, simulate_offline, start_of
from stepwarden.lab.summary import Summary
from stepwarden.policy.default import default_text
from stepwarden.policy.loader import load
from stepwarden.policy.policy import Policy
from stepwarden.signals.limits import STANDARD
from stepwarden.signals.travel import Places

PEOPLE: Final = 5_000
DAYS: Final = 150
DATA: Final = Path(__file__).resolve().parents[1].parent / "shared" / "data"
_UNITS: Final = {"share": 100.0, "hours": 1.0, "a month": 1.0, "times": 1.0}
_RED_TEAM: Final = "stratus-red-team"


def rows() -> Iterator[Row]:
    """Targets of the simulation, then the real logs."""
    yield from _simulated()
    if (DATA / "o365_audit").is_dir():
        yield from _office()
    if (DATA / "aws_cloudtrail").is_dir():
        yield from _cloudtrail()
    if (DATA / "crowdsec").is_dir():
        yield from _crowdsec()
    if (DATA / "vendor_events").is_dir():
        yield from _vendors()


def _simulated() -> Iterator[Row]:
    asked = Asked(
        seed=1,
        people=PEOPLE,
        days=DAYS,
        start=start_of("2026-01-05"),
        attacks=attacks_of("all", live=False),
        probes=True,
    )
    with tempfile.TemporaryDirectory() as name:
        simulate_offline(
            Plan(asked),
            _policy(),
            STANDARD,
            Agents(remembered=65_536),
            Path(name),
            signals=False,
            progress=lambda what, done, end: None,
        )
        figures = measure(read(Path(name)))
    for one in figures.targets:
        yield _target(one)


def _target(one: Target) -> Row:
    scale = _UNITS[one.unit]
    return Row(
        name=one.name,
        value=-1.0 if one.measured is None else scale * one.measured.value,
        unit="%" if one.unit == "share" else one.unit,
        beside="literature" if one.literature is not None else "",
        beside_value=None if one.literature is None else scale * one.literature,
        floor=scale * one.limit if one.least else None,
        ceiling=None if one.least else scale * one.limit,
    )


def _office() -> Iterator[Row]:
    """Microsoft 365: two sprays, a brute force, and the work of everybody else."""
    texts = (DATA / "o365_audit/labels_derived.jsonl").read_text().splitlines()
    labels = {record["id"]: record["label"] for record in map(json.loads, texts)}
    found: dict[tuple[str, str], list[Replayed]] = defaultdict(list)
    for item, one in _replayed([DATA / "o365_audit/logins_dedup.jsonl"]):
        found[labels[item.event_id], one.outcome].append(one)
    benign = _stopped(found["unlabelled", "success"])
    for label in ("attack_password_spray", "attack_brute_force"):
        name = label.removeprefix("attack_").replace("_", " ")
        yield Row(
            f"Microsoft 365: {name} stopped", _stopped(found[label, "failure"]), "%", "work disturbed", benign
        )


def _cloudtrail() -> Iterator[Row]:
    """AWS: what the sensitivity of actions catches of a red team, and of the techniques of one, file by file."""
    paths = sorted((DATA / "aws_cloudtrail/CloudTrail").rglob("*.json"))
    red: list[Replayed] = []
    rest: list[Replayed] = []
    for item, one in _replayed(paths):
        hostile = _RED_TEAM in item.attempt.user_agent or _RED_TEAM in item.attempt.actor
        (red if hostile else rest).append(one)
    yield Row(
        "CloudTrail: a red team's calls stopped", _stopped(red), "%", "all others stopped", _stopped(rest)
    )
    techniques = sorted((DATA / "aws_cloudtrail/stratus_detonation_logs").rglob("*.json"))
    caught = sum(any(one.decision != "allow" for _, one in _replayed([path])) for path in techniques)
    yield Row("CloudTrail: techniques of Stratus stopped somewhere", caught, f"of {len(techniques)}")


def _crowdsec() -> Iterator[Row]:
    """Cases of attackers' addresses, where the log is one that we read."""
    caught = known = others = 0
    with tempfile.TemporaryDirectory() as name:
        for number, line in enumerate((DATA / "crowdsec/cases.jsonl").read_text().splitlines()):
            case = json.loads(line)
            paths = []
            for place, lines in enumerate(case["logs"].values()):
                paths.append(Path(name) / f"{number}-{place}.log")
                paths[-1].write_text("\n".join(lines) + "\n")
            results = _quietly(paths)
            attackers = set(case["attacker_ips"]) & {one.ip for _, one in results}
            stopped = {one.ip for _, one in results if one.decision != "allow"}
            known += len(attackers)
            caught += len(attackers & stopped)
            others += len(stopped - set(case["attacker_ips"]))
    yield Row("crowdsec: attackers' addresses stopped", caught, f"of {known}", "other addresses", others)


def _vendors() -> Iterator[Row]:
    """Single events of vendors' rules: the mean risk of those that should match, and of those that should not."""
    risks: dict[str, dict[bool, list[float]]] = defaultdict(lambda: {True: [], False: []})
    with tempfile.TemporaryDirectory() as name:
        for number, line in enumerate((DATA / "vendor_events/cases.jsonl").read_text().splitlines()):
            case = json.loads(line)
            path = Path(name) / f"{number}.jsonl"
            path.write_text(json.dumps(case["log"]) + "\n")
            for _, one in _quietly([path])[:1]:
                risks[case["rule_id"]][bool(case["expected"])].append(one.risk)
    pairs = [
        (sum(both[True]) / len(both[True]), sum(both[False]) / len(both[False]))
        for both in risks.values()
        if both[True] and both[False]
    ]
    kept = sum(matching >= other - 1e-9 for matching, other in pairs)
    higher = sum(matching > other + 1e-9 for matching, other in pairs)
    yield Row(
        "vendors' rules: matching events not below others", kept, f"of {len(pairs)}", "above them", higher
    )


def _replayed(paths: Iterable[Path]) -> Iterator[tuple[Imported, Replayed]]:
    policy = _policy()
    summary = Summary(policy=policy.hash)
    logs = Logs.open(list(paths), format="", mapping=None, year=2024)
    describer = Describer(
        PlainTokens(),
        Addresses(databases=[], ranges=[], builtin=None, remembered=1_000),
        Agents(remembered=100),
        trusted_proxies=(),
        places=Places(1_000),
        remembered=1_000,
    )
    engine = Replay.begin(describer, policy, STANDARD)
    for item in in_order(logs.attempts(summary, lambda: None), dropped=summary.skipped):
        yield item, engine.decide(item)


@lru_cache
def _policy() -> Policy:
    return load(default_text())


def _quietly(paths: list[Path]) -> list[tuple[Imported, Replayed]]:
    """What can be read; a format that is none of ours gives nothing."""
    try:
        return list(_replayed(paths))
    except InputError:
        return []


def _stopped(results: list[Replayed]) -> float:
    return 100 * sum(one.decision != "allow" for one in results) / max(1, len(results))
