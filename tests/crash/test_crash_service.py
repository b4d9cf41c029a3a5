"""``kill -9`` of the real service under load, again and again: nothing that was answered is lost or changed.

The moments are drawn from a fixed seed as a number of answers; what the other callers are waiting for then is anywhere
between its arrival and its answer. Each round goes on from the log that the round before it left.
"""

import asyncio
import base64
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from stepwarden.events.encoding import decode
from stepwarden.events.entries import AttemptDecided, Entry, OutcomeReported
from stepwarden.ledger.checkpoint import Checkpoint, open_checkpoint
from stepwarden.ledger.merkle import leaf_hash
from stepwarden.ledger.note import Verifier
from stepwarden.ledger.proof import verify_consistency, verify_inclusion
from tests.stories.asking import fetch
from tests.stories.running import PATIENCE, Server, check_log

ROUNDS = 10
SEED = 20_260_101
CLIENTS = 16
ACTIONS = ("login", "balance.read", "transfer")


@dataclass
class Answered:
    """What callers hold in their hands: answers to attempts, and to outcomes by the attempt that they are about."""

    attempts: list[dict[str, Any]] = field(default_factory=list)
    outcomes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    wanted: int = 0
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    def came(self) -> None:
        if len(self) >= self.wanted:
            self.enough.set()

    def __len__(self) -> int:
        return len(self.attempts) + len(self.outcomes)


async def caller(http: httpx.AsyncClient, number: int, life: int, answered: Answered) -> None:
    """One application: an attempt, how it ended, the next; until the service is gone."""
    chance = random.Random(f"{SEED}-{life}-{number}")
    while True:
        body = {
            "action": chance.choice(ACTIONS),
            "actor": f"person-{chance.randrange(40)}",
            "session": f"session-{chance.randrange(40)}",
            "ip": f"198.51.100.{chance.randrange(250)}",
        }
        try:
            answer = await http.post("/v1/attempts", json=body)
            assert answer.status_code == 200, answer.text
            attempt = answer.json()
            answered.attempts.append(attempt)
            answered.came()
            how = chance.choice(["success", "failure"])
            answer = await http.post(f"/v1/attempts/{attempt['id']}/outcome", json={"outcome": how})
            assert answer.status_code == 200, answer.text
            answered.outcomes.append((attempt["id"], answer.json()))
            answered.came()
        except httpx.TransportError:
            return


async def load_until_killed(server: Server, key: str, life: int, answers: int) -> Answered:
    """Load by ``CLIENTS`` applications; SIGKILL as soon as so many answers have come."""
    answered = Answered(wanted=answers)
    async with server.async_client(key, CLIENTS) as http:
        callers = [asyncio.create_task(caller(http, number, life, answered)) for number in range(CLIENTS)]
        await asyncio.wait_for(answered.enough.wait(), PATIENCE)
        server.process.kill()
        await asyncio.gather(*callers)
    assert server.ended() == -9
    return answered


def number_of(entry_id: str) -> int:
    return int(entry_id.partition("-")[0])


def check_entries(answered: Answered, log: list[Entry]) -> None:
    """Every answer's entry stands at its index, under its id, saying the same."""
    for answer in answered.attempts:
        entry = log[number_of(answer["id"])]
        assert isinstance(entry, AttemptDecided)
        assert f"{answer['receipt']['index']}-{entry.id}" == answer["id"]
        assert (entry.decision, entry.policy) == (answer["decision"], answer["policy"])
        assert entry.risk / 1e6 == answer["risk"]
    for attempt, answer in answered.outcomes:
        told = log[number_of(answer["id"])]
        assert isinstance(told, OutcomeReported)
        assert f"{answer['receipt']['index']}-{told.id}" == answer["id"]
        assert told.previous == number_of(attempt)


def check_receipts(
    answered: Answered, leaves: list[bytes], http: httpx.Client, origin: str, keys: list[Verifier]
) -> None:
    """Every receipt's checkpoint is signed, covers its entry, and is how the log of now began."""
    now = open_checkpoint(http.get("/v1/log/checkpoint").text, origin, keys)
    receipts = [answer["receipt"] for answer in answered.attempts]
    receipts += [answer["receipt"] for _, answer in answered.outcomes]
    signed: dict[str, Checkpoint] = {}
    for receipt in receipts:
        if receipt["checkpoint"] not in signed:
            then = signed[receipt["checkpoint"]] = open_checkpoint(receipt["checkpoint"], origin, keys)
            proof = fetch(http, "/v1/log/proof/consistency", old=then.size, new=now.size)["hashes"]
            verify_consistency(then.size, now.size, list(map(base64.b64decode, proof)), then.root, now.root)
        assert receipt["index"] < signed[receipt["checkpoint"]].size == receipt["size"]
    for receipt in receipts[-4:]:
        then = signed[receipt["checkpoint"]]
        proof = fetch(http, "/v1/log/proof/inclusion", index=receipt["index"], size=then.size)["hashes"]
        hashes = list(map(base64.b64decode, proof))
        verify_inclusion(receipt["index"], then.size, leaf_hash(leaves[receipt["index"]]), hashes, then.root)


def test_service_killed_under_load_keeps_every_answer_in_its_place(tmp_path: Path) -> None:
    """Ten rounds of load and SIGKILL: each answer's entry, index and checkpoint hold in the log that comes after."""
    chance = random.Random(SEED)
    server = Server(tmp_path / "data", STEPWARDEN_ADDRESSES_BUILTIN="false")
    everything = Answered()
    try:
        server.start()
        key = server.make_key()
        origin = server.verifiers()[0].name
        for life in range(ROUNDS):
            answered = asyncio.run(load_until_killed(server, key, life, chance.randrange(1, 300)))
            everything.attempts += answered.attempts
            everything.outcomes += answered.outcomes
            server.start()
            with server.client(key) as http:
                leaves = server.leaves()
                check_entries(everything, [decode(leaf) for leaf in leaves])
                check_receipts(answered, leaves, http, origin, list(server.verifiers()))
        check_log(server.data)
    finally:
        server.kill()
    assert len(everything) > 100
