"""Real logs that nobody on this project wrote, read whole: the counts that their sources and a plain count give.

They stand beside the project, never in it; where they are absent these tests skip and say so.
"""

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from stepwarden.connect.detect import detect, open_log
from stepwarden.connect.importers.base import Imported, Item, Skipped, Unknown
from stepwarden.connect.importers.clean import address
from stepwarden.errors import UnknownFormatError

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def data(name: str) -> Path:
    """A file of the data folder, or a skip that says what is missing."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no real logs: {path} is absent")
    return path


def attempts(items: list[Item]) -> Counter[tuple[str, str]]:
    """How often each action ended how."""
    return Counter(
        (item.attempt.action, item.attempt.outcome) for item in items if isinstance(item, Imported)
    )


def kinds(items: list[Item]) -> Counter[str]:
    """How many attempts, skipped and unknown."""
    return Counter(type(item).__name__ for item in items)


def test_openssh_every_failed_password_is_one_attempt_and_the_one_success_is_found() -> None:
    """518 lines and two that repeat five times; three who named an unknown user and left; one cut off by the end."""
    path = data("loghub_ssh/OpenSSH_2k.log")
    assert detect(path) == "openssh"
    items = list(open_log(path, year=2015))
    found = [item for item in items if isinstance(item, Imported)]
    text = path.read_text().split("\n")
    lines = Counter(" ".join(text[item.source_line - 1].split()[5:7]) for item in found)
    assert lines == {
        "Failed password": 518,
        "message repeated": 10,
        "Invalid user": 3,
        "pam_unix(sshd:auth): authentication": 1,
        "Accepted password": 1,
    }
    [good] = [item for item in found if item.attempt.outcome == "success"]
    assert (good.attempt.actor, good.attempt.ip, good.source_line) == ("fztu", "119.137.62.142", 956)
    assert good.time == 1449739940 * 1_000_000
    assert kinds(items)["Unknown"] == 0
    # each line is one item; the two that repeat five times are five
    assert len(items) == 2000 + 2 * 4


def test_linux_messages_hold_490_failures_and_123_sessions() -> None:
    """PAM of 2005, among the lines of other programs; the one line without a program is shown."""
    items = list(open_log(data("loghub_ssh/Linux_2k.log"), year=2005))
    assert len(items) == 2000
    assert attempts(items) == {("login", "failure"): 490, ("login", "success"): 37, ("ssh.su", "success"): 86}
    assert [item.source_line for item in items if isinstance(item, Unknown)] == [899]


def test_secrepo_every_invalid_user_is_a_failure_and_cron_is_none() -> None:
    """No password line follows there: the name alone is the attempt. The file ends in the middle of a line."""
    items = list(open_log(data("secrepo_authlog/auth.log"), year=2014))
    found = [item for item in items if isinstance(item, Imported)]
    assert attempts(items) == {("login", "failure"): 1489}
    assert len(items) == 10_567
    # " admin" and "admin " are other names than "admin" to sshd
    assert len({item.attempt.actor.strip() for item in found}) == 224
    assert len({item.attempt.ip for item in found}) == 29
    assert [item.source_line for item in items if isinstance(item, Unknown)] == [10_567]
    assert (
        Counter(item.reason for item in items if isinstance(item, Skipped))[
            "a session that nobody signed in to (cron, systemd)"
        ]
        == 117
    )


def test_m365_logins() -> None:
    """353 that went well and 216 that failed, of 12 users."""
    items = list(open_log(data("o365_audit/logins_dedup.jsonl")))
    assert attempts(items) == {("login", "success"): 353, ("login", "failure"): 216}
    assert len({item.attempt.actor for item in items if isinstance(item, Imported)}) == 12
    assert len({item.event_id for item in items if isinstance(item, Imported)}) == 569


def test_m365_csv_export(tmp_path: Path) -> None:
    """9,611 rows, three of them with an empty AuditData."""
    packed = data("o365_audit/auditrecords.7z")
    tool = next((name for name in ("7z", "7zz", "7zr", "bsdtar") if shutil.which(name)), None)
    if tool is None:
        pytest.skip("no program here unpacks 7z (7z, 7zz, 7zr, bsdtar)")
    command = [tool, "-xf", str(packed)] if tool == "bsdtar" else [tool, "e", "-y", str(packed)]
    subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    path = tmp_path / "auditrecords.csv"
    assert detect(path) == "m365"
    items = list(open_log(path))
    assert kinds(items) == {"Skipped": 6802, "Imported": 2806, "Unknown": 3}
    assert attempts(items)["login", "failure"] == 368


def test_entra_sign_ins() -> None:
    """86 of six users, with place and device."""
    items = list(open_log(data("entra_signin/aad_logons.jsonl")))
    found = [item.attempt for item in items if isinstance(item, Imported)]
    assert len(found) == len(items) == 86
    assert len({attempt.actor for attempt in found}) == 6
    assert all(attempt.place is not None and attempt.place.latitude is not None for attempt in found)
    assert all(attempt.device is not None and attempt.device.browser for attempt in found)


@pytest.mark.parametrize(
    ("folder", "files", "events"), [("CloudTrail", 55, 2900), ("stratus_detonation_logs", 35, 310)]
)
def test_cloudtrail_every_call_is_an_attempt(folder: str, files: int, events: int) -> None:
    """The attacker's are found by user agent or role, none is unknown."""
    paths = sorted(data(f"aws_cloudtrail/{folder}").glob("*.json"))
    items = [item for path in paths for item in open_log(path)]
    assert {detect(path) for path in paths} == {"cloudtrail"}
    assert len(paths) == files
    assert kinds(items) == {"Imported": events}


def test_windows_events_from_archives() -> None:
    """The password spray is seven failures by their targets; both archives are read without unpacking."""
    spray = list(open_log(data("windows_security/purplesharp_ad_playbook_I.zip")))
    failed = [
        item.attempt for item in spray if isinstance(item, Imported) and item.attempt.outcome == "failure"
    ]
    assert Counter(attempt.action for attempt in failed) == {"login": 7, "windows.credential_validation": 7}
    assert len({attempt.actor for attempt in failed}) == 7
    assert attempts(spray)["login", "success"] == 19
    other = data("windows_security/empire_persistence_registry_modification_run_keys_standard_user.zip")
    assert attempts(list(open_log(other)))["login", "success"] == 10


VENDORS = {
    "AWS.CloudTrail": ("cloudtrail", 196, 2),
    "Okta.SystemLog": ("okta", 45, 0),
    "GSuite.ActivityEvent": ("google", 83, 0),
    "Azure.Audit": ("entra", 29, 0),
    "Microsoft365.Audit.AzureActiveDirectory": ("m365", 4, 0),
    "Microsoft365.Audit.Exchange": ("m365", 10, 0),
}


@pytest.mark.parametrize("kind", VENDORS)
def test_vendor_events_are_known(kind: str, tmp_path: Path) -> None:
    """Single events by many hands: all are known but fragments; many are fixtures without a time, and shown."""
    name, events, strange = VENDORS[kind]
    cases = [json.loads(line) for line in data("vendor_events/cases.jsonl").open()]
    logs = [
        case["log"]
        for case in cases
        if "log" in case and (case["log_types"] == [kind] or case["log"].get("p_log_type") == kind)
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(log) + "\n" for log in logs))
    assert detect(path) == name
    items = list(open_log(path))
    assert len(logs) == events
    reasons = Counter(item.reason for item in items if isinstance(item, Unknown))
    assert reasons["no importer knows this record"] == strange
    assert set(reasons) <= {"no importer knows this record", "no time that can be read"}


CASES = {
    "ssh-bf": ("openssh", 6, "failure"),
    "ssh-slow-bf": ("openssh", 22, "failure"),
    "ssh-time-based-bf": ("openssh", 15, ""),
    "sshd-invalid-bf": ("openssh", 6, "failure"),
    "sshd-impossible-travel": ("openssh", 2, "success"),
    "sshd-success-logs": ("openssh", 4, "success"),
    "sshd-bad-keyexchange-bf": ("openssh", 0, ""),
    "synology-dsm-bf": ("openssh", 14, "failure"),
    "keycloak-bf": ("keycloak", 10, "failure"),
    "keycloak-slow-bf": ("keycloak", 12, "failure"),
    "aws-bf": ("cloudtrail", 6, "failure"),
    "aws-cloudtrail-postexploit": ("cloudtrail", 4, ""),
}


@pytest.mark.parametrize("name", CASES)
def test_cases_of_intrusion_detection(name: str, tmp_path: Path) -> None:
    """Each line that their rules count is one attempt with the attacker's address."""
    expected, count, outcome = CASES[name]
    for line in data("crowdsec/cases.jsonl").open():
        case = json.loads(line)
        if case["name"] == name:
            break
    [text] = case["logs"].values()
    path = tmp_path / "case.log"
    path.write_text(text if isinstance(text, str) else "\n".join(text) + "\n")
    items = list(open_log(path, year=2024 if expected == "openssh" else None))
    assert detect(path) == expected
    found = [item.attempt for item in items if isinstance(item, Imported)]
    assert len(found) == count, items
    assert kinds(items)["Unknown"] == 0
    if outcome:
        assert {attempt.outcome for attempt in found} == {outcome}
        addresses = {ip for ip in case["attacker_ips"] if ip[0].isdigit()}
        assert addresses <= {attempt.ip for attempt in found}


NOT_SIGN_INS = {
    "adguardhome-bf": "it wrote the name of its own host, as the visitor calls it",
    "caddy-basic-auth-bf": "a page that was asked for without a password",
    "charon-ipsec-bf": "its lines with a name have no address",
    "charon-ipsec-slow-bf": "its lines with a name have no address",
    "cowrie_telnet-bf": "connections",
    "fireflyiii-bf": "one address that did not get to the end of signing in",
    "http-wordpress_user-enum": "pages that were asked for",
    "mailu-admin-bf": "notices of limits",
    "nextcloud-bf": "two addresses that tried no name",
    "openvpn-bf": "packets",
    "sabnzbd-bf": "an address that a visitor may write",
    "sshd-bad-keyexchange-bf": "connections",
    "thehive-bf": "lines without a time",
    "wireguard-auth": "packets",
}
"""Cases with an attacker's address that is on no sign-in, and what it is on."""


def test_attackers_addresses_are_on_sign_ins_of_whatever_application(tmp_path: Path) -> None:
    """122 cases of a hundred products: sign-ins are read, with their addresses, and nothing is unknown by mistake."""
    missing, unknown = set(), set()
    for line in data("crowdsec/cases.jsonl").open():
        case = json.loads(line)
        attempts: list[Imported] = []
        for number, lines in enumerate(case["logs"].values()):
            path = tmp_path / f"{number}.log"
            path.write_text("\n".join(lines) + "\n")
            try:
                items = list(open_log(path, year=2024))
            except UnknownFormatError:
                items = []
            attempts += [item for item in items if isinstance(item, Imported)]
            if kinds(items)["Unknown"]:
                unknown.add(case["name"])
        told = {address(ip) for ip in case["attacker_ips"] if ip[0].isdigit()}
        if told - {one.attempt.ip for one in attempts}:
            missing.add(case["name"])
    assert missing == set(NOT_SIGN_INS)
    # A second that no minute has, and lines that have no time.
    assert unknown == {"gotify-bf", "thehive-bf"}
