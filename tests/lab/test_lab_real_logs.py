"""Real logs that nobody on this project wrote, replayed by the shipped policy. Bounds are loose: they say that the
answers make sense, not that the policy was tuned to these files (it was not).

The logs stand beside the project, never in it; where they are absent these tests skip and say so.
"""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from stepwarden.connect.importers.base import Imported
from stepwarden.events.entries import Verdict
from stepwarden.lab.logs import Logs
from stepwarden.lab.ordering import in_order
from stepwarden.lab.replay import Replayed
from stepwarden.lab.summary import Summary
from tests.lab.lab_house import new_replay

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def data(name: str) -> Path:
    """A file or folder of the data, or a skip that says what is missing."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no real logs: {path} is absent")
    return path


def replayed(*paths: Path, year: int | None = None) -> tuple[list[tuple[Imported, Replayed]], Summary]:
    """Every attempt with what would have been answered, and the summary of all."""
    summary = Summary(policy="0" * 64)
    logs = Logs.open(paths, format="", mapping=None, year=year)
    engine = new_replay()
    found = []
    for item in in_order(logs.attempts(summary, lambda: None), dropped=summary.skipped):
        one = engine.decide(item)
        summary.add(one)
        assert one.reasons or one.decision == "allow"
        found.append((item, one))
    return found, summary


def share(results: Iterable[Replayed], *decisions: Verdict) -> float:
    """How many of these were answered so."""
    counted = Counter(one.decision for one in results)
    return sum(counted[decision] for decision in decisions) / max(1, counted.total())


def test_openssh_guessing_is_refused_and_the_one_who_got_in_is_let_in() -> None:
    """532 hostile failures; fztu, who signs in once, from an address that did nothing before."""
    found, summary = replayed(data("loghub_ssh/OpenSSH_2k.log"), year=2015)
    assert (summary.attempts, summary.unknown) == (533, 0)
    [fztu] = [one for _, one in found if one.outcome == "success"]
    assert (fztu.actor, fztu.decision, fztu.source_line) == ("fztu", "allow", 956)
    failures = [one for _, one in found if one.outcome == "failure"]
    assert share(failures, "deny") > 0.6
    assert share(failures, "deny", "step_up") > 0.8


def test_an_internet_facing_host_refuses_nearly_all_of_its_noise() -> None:
    """SecRepo's auth.log: names tried by 29 addresses, nobody got in."""
    found, summary = replayed(data("secrepo_authlog/auth.log"), year=2015)
    assert summary.outcomes["success"] == 0
    assert share([one for _, one in found], "deny") > 0.8
    assert summary.unknown <= 1


def test_sessions_of_a_plain_linux_host_are_let_in() -> None:
    """/var/log/messages with su, ftp and cron: the 120 successes are the host's own people."""
    found, summary = replayed(data("loghub_ssh/Linux_2k.log"), year=2005)
    assert share([one for _, one in found if one.outcome == "success"], "allow") > 0.9
    assert summary.unknown <= 1


def test_office_365_sprays_and_brute_force_are_stopped_more_often_than_work_is_disturbed() -> None:
    """By the derived labels of each record: detection at the rate of challenges that unlabelled successes meet."""
    labels = {
        record["id"]: record["label"]
        for record in map(json.loads, data("o365_audit/labels_derived.jsonl").read_text().splitlines())
    }
    found, summary = replayed(data("o365_audit/logins_dedup.jsonl"))
    assert summary.attempts == 569
    by_label = {
        label: [one for item, one in found if labels[item.event_id] == label]
        for label in set(labels.values())
    }
    assert share(by_label["attack_password_spray"], "step_up", "deny") > 0.7
    assert share(by_label["attack_brute_force"], "step_up", "deny") > 0.7
    work = [one for one in by_label["unlabelled"] if one.outcome == "success"]
    assert len(work) > 300
    assert share(work, "allow") > 0.7
    assert share(work, "deny") < 0.1


def test_entra_sign_ins_of_a_quiet_team_pass() -> None:
    """Six people, no attack: hardly anybody is asked, nobody is refused."""
    found, _ = replayed(data("entra_signin/aad_logons.jsonl"))
    results = [one for _, one in found]
    assert share(results, "allow") > 0.9
    assert share(results, "deny") == 0


def test_windows_sign_ins_pass_but_those_of_the_spray() -> None:
    """A quiet host, and one on which purplesharp sprays: successes are let in on both."""
    for path in sorted(data("windows_security").glob("*.zip")):
        found, _ = replayed(path)
        assert share([one for _, one in found if one.outcome == "success"], "allow") > 0.9
        if path.name.startswith("purplesharp"):
            assert share([one for _, one in found if one.outcome == "failure"], "step_up", "deny") > 0.4


def test_many_small_files_of_cloudtrail_become_one_run() -> None:
    """200 files of one hour, merged by time, none unreadable, every attempt with its place in its file."""
    paths = sorted(data("aws_cloudtrail/CloudTrail").rglob("*.json"))
    found, summary = replayed(*paths)
    assert summary.attempts == 2900
    assert [one.time for _, one in found] == sorted(one.time for _, one in found)
    assert len(summary.files) == len(paths)
    assert {one.source for _, one in found} <= {path.name for path in paths}


CROWDSEC = ("ssh-bf", "ssh-slow-bf", "sshd-invalid-bf", "keycloak-bf", "keycloak-slow-bf")


def test_crowdsecs_attackers_are_stopped_and_its_good_logins_are_not(tmp_path: Path) -> None:
    """Brute force of sshd and Keycloak as crowdsec tests it: each attacker is asked or refused at some time."""
    cases: dict[str, dict[str, Any]] = {
        case["name"]: case for case in map(json.loads, data("crowdsec/cases.jsonl").read_text().splitlines())
    }
    for name in (*CROWDSEC, "sshd-success-logs"):
        case = cases[name]
        paths = []
        for file, lines in case["logs"].items():
            path = tmp_path / f"{name}-{file}"
            path.write_text("\n".join(lines) + "\n")
            paths.append(path)
        found, _ = replayed(*paths, year=2024)
        stopped = {one.ip for _, one in found if one.decision != "allow"}
        assert stopped == set(case["attacker_ips"]), name


VENDORS = {
    "Okta.SystemLog": "okta",
    "AWS.CloudTrail": "cloudtrail",
    "GSuite.ActivityEvent": "google",
    "Azure.Audit": "entra",
}


@pytest.mark.parametrize("log_type", VENDORS)
def test_vendors_single_events_are_read_and_decided(tmp_path: Path, log_type: str) -> None:
    """Single events of four products as another project tests its rules with them: all become something."""
    cases = map(json.loads, data("vendor_events/cases.jsonl").read_text().splitlines())
    events = [case["log"] for case in cases if log_type in (case["log_types"] or ())]
    path = tmp_path / "events.jsonl"
    path.write_text("\n".join(map(json.dumps, events)))
    found, summary = replayed(path)
    assert found
    [file] = summary.files
    assert file.attempts + file.skipped + file.unknown >= len(events)
