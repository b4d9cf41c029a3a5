"""More than the disk can take: callers are told to come back, and nobody is let through unrecorded."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx

from stepwarden.events.encoding import decode
from stepwarden.events.entries import AttemptDecided
from tests.stories.asking import fetch
from tests.stories.running import Server

CALLERS = 48
EACH = 8


async def flood(server: Server, key: str) -> list[httpx.Response]:
    """All callers at once, each over its own connection, as fast as they are answered."""

    async def call(caller: int) -> list[httpx.Response]:
        body = {"action": "balance.read", "actor": f"person-{caller}", "ip": "198.51.100.7"}
        async with server.async_client(key, 1) as http:
            return [await http.post("/v1/attempts", json=body) for _ in range(EACH)]

    return [answer for answers in await asyncio.gather(*map(call, range(CALLERS))) for answer in answers]


def test_a_full_queue_answers_503_and_never_an_unlogged_allow(tmp_path: Path) -> None:
    """With room for 16 entries and 48 callers: some wait, some are sent away; answers and entries are the same set."""
    with Server(tmp_path / "data", "--queue-limit", "16", STEPWARDEN_ADDRESSES_BUILTIN="false") as server:
        key = server.make_key()
        answers: list[httpx.Response] = []
        for _ in range(10):
            answers += asyncio.run(flood(server, key))
            if any(answer.status_code == 503 for answer in answers):
                break
        statuses = Counter(answer.status_code for answer in answers)
        assert set(statuses) == {200, 503}, statuses
        for answer in answers:
            if answer.status_code == 503:
                assert answer.json()["code"] == "service.busy"
                assert int(answer.headers["retry-after"]) >= 1
        with server.client(key) as http:
            assert http.get("/readyz").status_code == 200
            assert http.post("/v1/attempts", json={"action": "balance.read"}).status_code == 200
            assert 'stepwarden_problems_total{code="service.busy"}' in http.get("/metrics").text
            assert fetch(http, "/v1/log/entries", kind="exception")["entries"] == []
        log = [decode(leaf) for leaf in server.leaves()]
        assert server.stop() == 0
    logged = {
        f"{index}-{entry.id}": entry for index, entry in enumerate(log) if isinstance(entry, AttemptDecided)
    }
    answered = [answer.json() for answer in answers if answer.status_code == 200]
    assert {answer["id"] for answer in answered} == {
        name for name, entry in logged.items() if entry.facts.actor
    }
    allowed = sum(answer["decision"] == "allow" for answer in answered)
    assert allowed == sum(entry.decision == "allow" and entry.facts.actor != "" for entry in logged.values())
    assert allowed > 0
