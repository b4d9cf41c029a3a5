"""What others can read, check and count; and what nobody can without a key."""

import base64
import math
import re
from collections.abc import Iterator

import httpx
import pytest

from stepwarden.errors import BadProofError
from stepwarden.ledger.checkpoint import open_checkpoint
from stepwarden.ledger.merkle import leaf_hash
from stepwarden.ledger.proof import verify_consistency, verify_inclusion
from tests.stories.asking import FIREFOX, Browser, entries, fetch, send
from tests.stories.running import Server

OPEN = {
    "/healthz",
    "/readyz",
    "/.well-known/authzen-configuration",
    "/.well-known/jwks.json",
    "/openapi.json",
    "/docs",
    "/v1/push/answer",
}
"""They tell nothing about anybody; what is sent to the last one has to be signed."""


def hashes(answer: dict[str, list[str]]) -> list[bytes]:
    return [base64.b64decode(text, validate=True) for text in answer["hashes"]]


def test_a_receipt_is_checked_by_its_holder_with_the_public_key_alone(
    house: Server, http: httpx.Client
) -> None:
    """Entry, proof and checkpoint from the API; the key from the operator once: one changed byte and nothing fits."""
    keys = list(house.verifiers())
    origin = keys[0].name
    home = Browser(http, "198.51.100.101", FIREFOX, "laptop")
    answer = home.ask("balance.read", "gerda")
    for number in range(20):
        home.ask("balance.read", f"other-{number}")
    receipt = answer["receipt"]
    then = open_checkpoint(receipt["checkpoint"], origin, keys)
    now = open_checkpoint(http.get("/v1/log/checkpoint").text, origin, keys)
    assert then.size == receipt["size"] < now.size
    view = http.get("/v1/log/entries", params={"actor": "gerda", "limit": 1}).text
    leaf = re.search(r'"entry":(\{.*\}),"personal":', view)
    assert leaf
    found = leaf_hash(leaf[1].encode())
    for checkpoint in (then, now):
        proof = hashes(fetch(http, "/v1/log/proof/inclusion", index=receipt["index"], size=checkpoint.size))
        verify_inclusion(receipt["index"], checkpoint.size, found, proof, checkpoint.root)
        other = leaf_hash(leaf[1].replace("allow", "denied").encode())
        with pytest.raises(BadProofError):
            verify_inclusion(receipt["index"], checkpoint.size, other, proof, checkpoint.root)
    path = hashes(fetch(http, "/v1/log/proof/consistency", old=then.size, new=now.size))
    verify_consistency(then.size, now.size, path, then.root, now.root)


def samples(text: str) -> Iterator[tuple[str, str, float]]:
    """Name, labels and value of each sample of a Prometheus exposition; every other line must be a comment."""
    label = r'[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*"'
    sample = re.compile(rf"([a-zA-Z_:][\w:]*)(\{{{label}(?:,{label})*\}})? (\S+)")
    for line in text.splitlines():
        if line.startswith(("# HELP ", "# TYPE ")):
            continue
        found = sample.fullmatch(line)
        assert found, line
        yield found[1], found[2] or "", float(found[3])


def test_the_metrics_parse_count_and_add_up(http: httpx.Client) -> None:
    """Each sample belongs to a family with a type; counters rise by what was done; the histogram adds up."""
    before = {(name, labels): value for name, labels, value in samples(http.get("/metrics").text)}
    home = Browser(http, "198.51.100.111", FIREFOX, "laptop")
    home.ask("balance.read", "hugo")
    send(http, "/v1/attempts", {"action": 7}, status=422)
    answer = http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    text = answer.text
    after = {(name, labels): value for name, labels, value in samples(text)}
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    for name, _ in after:
        family = re.sub(r"_(bucket|sum|count)$", "", name)
        assert name in types or types[family] == "histogram"
        assert name not in types or types[name] != "counter" or name.endswith("_total")
    risen = ("stepwarden_decisions_total", '{decision="allow"}')
    assert after[risen] == before[risen] + 1
    refused = ("stepwarden_problems_total", '{code="input.invalid"}')
    assert after[refused] == before.get(refused, 0) + 1
    buckets = [value for (name, _), value in after.items() if name == "stepwarden_decision_seconds_bucket"]
    assert buckets == sorted(buckets)
    assert buckets[-1] == after["stepwarden_decision_seconds_count", ""]
    assert math.isfinite(after["stepwarden_decision_seconds_sum", ""])
    assert after["stepwarden_ready", ""] == 1


def test_without_a_key_every_route_but_the_open_ones_is_refused(house: Server, house_key: str) -> None:
    """Missing, malformed, unknown and half-right keys hear the same 401 on every route of the published document."""
    key_id = house_key.split("_")[1]
    wrong = [
        {},
        {"Authorization": "Bearer x"},
        {"Authorization": f"Basic {house_key}"},
        {"Authorization": f"Bearer sw_{key_id}_{'0' * 64}"},
        {"Authorization": f"Bearer {house_key}0"},
        {"Authorization": f"Bearer sw_000000000000_{house_key.split('_')[2]}"},
    ]
    with house.client() as http:
        document = http.get("/openapi.json").json()
        opened = set()
        for path, methods in document["paths"].items():
            for method in methods:
                address = path.replace("{id}", "1-abcdefgh").replace("{actor}", "ida")
                answers = [http.request(method, address, headers=headers) for headers in wrong]
                if answers[0].status_code == 401:
                    assert {answer.status_code for answer in answers} == {401}, path
                    assert len({answer.text for answer in answers}) == 1, path
                    assert all(answer.headers["www-authenticate"].startswith("Bearer") for answer in answers)
                else:
                    opened.add(path)
    assert opened == OPEN
    assert len(document["paths"]) > 12


def test_a_key_does_what_its_scope_says_and_nothing_else(house: Server, http: httpx.Client) -> None:
    """Each scope opens its own routes; the refusal of another is 403, and an entry under the key's id."""
    routes = {
        "decide": ("POST", "/v1/attempts"),
        "report": ("POST", "/v1/events"),
        "read": ("GET", "/v1/log/checkpoint"),
        "administer": ("POST", "/v1/actors/ida/factors/totp"),
    }
    for scope in routes:
        key = house.make_key(scope)
        with house.client(key) as limited:
            for wanted, (method, path) in routes.items():
                status = limited.request(method, path, json={} if method == "POST" else None).status_code
                assert (status == 403) is (wanted != scope), (scope, path, status)
        told = [entry for entry in entries(http, kind="exception") if entry["by"] == key.split("_")[1]]
        assert [entry["code"] for entry in told].count("auth.forbidden") == 3
