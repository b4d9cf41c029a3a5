"""What an auditor may and may not; every read is an entry; no secret that is sent anywhere reaches the disk."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from stepwarden.events.redaction import MARK
from stepwarden.gateway.operations import OPERATIONS
from tests.events.secrets import CORPUS, Secret
from tests.stories.asking import entries, fetch, send
from tests.stories.running import Server, run_inside

READS = {operation.name for operation in OPERATIONS if operation.scope in ("read", None)}
NDJSON = {"content-type": "application/x-ndjson"}
HONEYPOT = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(scope="module")
def auditor(house: Server) -> Iterator[httpx.Client]:
    with house.client(house.make_key("audit", "an auditor")) as client:
        yield client


def test_attack_an_auditors_key_does_more_than_read(house: Server, auditor: httpx.Client) -> None:
    """Every route of the published document: only those that read are open to it; all others refuse it by scope."""
    for operation in OPERATIONS:
        address = operation.path
        for name, value in (operation.parameters or {}).items():
            address = address.replace("{" + name + "}", value)
        body = operation.example if operation.request is not None else None
        query = "?" + operation.example if operation.query is not None and operation.example else ""
        headers = {"content-type": operation.media[0]} if body else {}
        answer = auditor.request(operation.method, address + query, content=body, headers=headers)
        assert (answer.status_code == 403) is (operation.name not in READS), (
            operation.name,
            answer.status_code,
        )
    assert {
        "decide",
        "report",
        "record",
        "answer",
        "erase_subject",
        "export_subject",
        "enrol_totp",
    }.isdisjoint(READS)


def test_attack_an_auditor_reads_people_without_saying_why(http: httpx.Client, auditor: httpx.Client) -> None:
    """Leaves and proofs without a reason; personal values only with one, and the reason stands in the log."""
    send(http, "/v1/attempts", {"action": "login", "actor": "zoe-audited", "ip": "198.51.100.201"})
    sealed = fetch(auditor, "/v1/log/entries", order="newest", kind="attempt.decided", limit=1)
    assert sealed["opened"] is False
    assert [view["personal"] for view in sealed["entries"]] == [None]
    assert "zoe-audited" not in json.dumps(sealed)
    # Whose entries they are is personal as well: no look-up by name or address without a reason, or with a blank one.
    for whom in ({"actor": "zoe-audited"}, {"ip": "198.51.100.201"}):
        for blank in ("", "   ", "\u200b", "\u00a0", "..."):
            assert auditor.get("/v1/log/entries", params=whom | {"reason": blank}).status_code == 422
        for named in ("about Zoe-Audited", "it was 198.51.100.201"):
            asked = auditor.get("/v1/log/entries", params=whom | {"reason": named})
            assert (asked.status_code == 422) is (next(iter(whom.values())) in named.lower())
    assert auditor.get("/v1/log/entries", params={"reason": "x" * 201}).status_code == 422
    opened = fetch(auditor, "/v1/log/entries", actor="zoe-audited", reason="case 12")
    assert opened["opened"] is True
    assert opened["entries"][0]["personal"]["ip"] == "198.51.100.201"
    told = [entry for entry in entries(http, kind="administration") if entry["action"] == "log.query"]
    mine = [entry for entry in told if entry["by"] == auditor.headers["authorization"].split("_")[1]]
    token = opened["entries"][0]["entry"]["facts"]["actor"]
    assert [
        (e.get("detail"), e.get("reason", ""), e["rows"]) for e in mine if e.get("target") == f"actor={token}"
    ] == [("opened", "it was 198.51.100.201", 1), ("opened", "case 12", 1)]
    assert "zoe-audited" not in json.dumps(told)


def test_every_query_and_every_proof_is_an_entry(http: httpx.Client, auditor: httpx.Client) -> None:
    """One each, under the key that asked, with what was asked in tokens and how many rows there were."""
    by = auditor.headers["authorization"].split("_")[1]
    before = len([e for e in entries(http, kind="administration") if e["by"] == by])
    fetch(auditor, "/v1/log/entries", decision="deny", ip="198.51.100.202", limit=3, reason="case 13")
    size = int(auditor.get("/v1/log/checkpoint").text.split("\n")[1])
    fetch(auditor, "/v1/log/proof/inclusion", index=0, size=size)
    fetch(auditor, "/v1/log/proof/consistency", old=1, new=size)
    told = [e for e in entries(http, kind="administration") if e["by"] == by][before:]
    assert [e["action"] for e in told] == ["log.query", "log.proof", "log.proof"]
    assert "decision=deny" in told[0]["target"]
    assert "198.51.100" not in told[0]["target"]
    assert told[1]["target"] == f"inclusion of 0 in {size}"


def places(secret: Secret) -> Iterator[tuple[str, dict[str, object]]]:
    """An attempt for each field that takes text, with the secret in it."""
    base: dict[str, object] = {"action": "read", "actor": "max", "ip": "198.51.100.203"}
    # A random string may be somebody's id: as an actor it is left as it is, and the page about it says so.
    if secret.certain:
        yield "actor", base | {"actor": secret.text}
    fields: dict[str, object] = {
        "resource": f"/reset/{secret.text}",
        "session": secret.text,
        "ip": secret.text,
        "peer": secret.text,
        "forwarded_for": secret.text,
        "user_agent": f"curl/8 {secret.text}",
        "device": {
            "id": secret.text,
            "browser": secret.text[:64],
            "os": secret.text[:64],
            "type": secret.text[:64],
        },
        "place": {
            "country": "NO",
            "city": secret.text[:64],
            "region": secret.text[:64],
            "asn": secret.text[:64],
        },
        "grant": secret.text,
    }
    for name, value in fields.items():
        yield name, base | {name: value}
    for name, value in {"password": secret.text, "note": secret.text, secret.text: "x"}.items():
        yield "parameters", base | {"parameters": {name: value}}


def everything(http: httpx.Client) -> str:
    """All entries, with what can be opened of them, as text."""
    shown, query = "", {"limit": "1000"}
    while True:
        page = http.get("/v1/log/entries", params=query)
        shown += page.text
        if not page.json()["next_cursor"]:
            return shown
        query["cursor"] = page.json()["next_cursor"]


def cut(secret: Secret) -> str:
    """What must not be found: of a secret that a field of 64 characters cut, the first of its random part."""
    return secret.core[:24]


def test_attack_secrets_sent_in_every_field_reach_no_byte(tmp_path: Path) -> None:
    """Each kind of secret in each field of attempts and events, in names, reasons, filters: on disk and in answers."""
    with Server(tmp_path / "data", STEPWARDEN_ADDRESSES_BUILTIN="false") as server:
        key = server.make_key()
        with server.client(key) as http:
            for secret in CORPUS:
                for field, attempt in places(secret):
                    # A peer counts only without an address, a proxy's header only behind one of ours.
                    if field in ("peer", "forwarded_for"):
                        attempt.pop("ip")
                    answer = http.post("/v1/attempts", json=attempt)
                    assert answer.status_code in (200, 422), answer.text
                    assert answer.status_code == 422 or field != "parameters" or not secret.certain
                    event = json.dumps(attempt | {"source": secret.text[:64]})
                    http.post("/v1/events", content=event, headers=NDJSON)
                http.post("/v1/actors/max/erase", json={"reason": secret.text[:200]})
                http.get("/v1/log/entries", params={"action": secret.text[:64], "reason": secret.text[:200]})
                http.post("/v1/attempts", json={"action": secret.text, secret.text: 1})
                http.get(f"/v1/{secret.text[:20].replace('/', '')}")
            shown = everything(http)
        needles = [cut(secret).encode() for secret in CORPUS]
        assert MARK in shown
        assert [needle for needle in needles if needle in shown.encode()] == []
        for running in (True, False):
            if not running:
                assert server.stop() == 0
            for path in server.data.rglob("*"):
                if path.is_file():
                    held = path.read_bytes()
                    assert [needle for needle in needles if needle in held] == [], path
    done = run_inside("ledger", "replay", "--data", server.data)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_attackers_really_type_is_recorded_without_trouble(http: httpx.Client) -> None:
    """User names of real attacks on a real host, as they stand in its log: each is recorded and can be read again."""
    log = HONEYPOT / "loghub_ssh" / "OpenSSH_2k.log"
    if not log.exists():
        pytest.skip(f"there are no real logs at {HONEYPOT}")
    failed = [line for line in log.read_text().splitlines() if "password for invalid user " in line]
    names = sorted({line.split("invalid user ")[1].split(" from ")[0] for line in failed})
    assert len(names) > 30
    known = {"action": "login", "outcome": "failure", "source": "ssh"}
    lines = [json.dumps(known | {"actor": f"{name}@ssh"}) for name in names]
    answer = http.post(
        "/v1/events", content="\n".join(lines), headers={"content-type": "application/x-ndjson"}
    )
    assert answer.json()["recorded"] == len(names)
    seen = fetch(http, "/v1/log/entries", kind="event.recorded", limit=1000)["entries"]
    assert {f"{name}@ssh" for name in names} <= {(view["personal"] or {}).get("actor") for view in seen}
