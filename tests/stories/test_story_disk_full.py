"""The disk fills up while the service runs: it refuses, ends, says why, and goes on when there is room again."""

import concurrent.futures
import re
import resource
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.stories.asking import entries, send
from tests.stories.running import Server, check_log, words

ROOM = 600_000
"""Bytes that any file of the service may have: some dozen groups of attempts."""


def little_room() -> None:
    """In the server's process, before it starts: a write beyond the limit fails, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM))


def ask_until_refused(http: httpx.Client, name: str, answers: list[dict[str, Any]]) -> list[httpx.Response]:
    """Keep asking. Answers go to ``answers``; what else came, up to the end of the connection, is returned."""
    refused: list[httpx.Response] = []
    for number in range(5_000):
        body = {"action": "balance.read", "actor": f"{name}-{number}", "ip": "198.51.100.7"}
        try:
            answer = http.post("/v1/attempts", json=body)
        except httpx.TransportError:
            return refused
        if answer.status_code == 200:
            assert not refused, "it allowed something after the disk was full"
            answers.append(answer.json())
        else:
            refused.append(answer)
    raise AssertionError("the disk never became full")


@pytest.fixture
def cramped(tmp_path: Path) -> Server:
    """A server without the large table of addresses, which would not fit."""
    return Server(tmp_path / "data", STEPWARDEN_ADDRESSES_BUILTIN="false")


def test_a_full_disk_refuses_ends_and_loses_nothing_that_was_answered(cramped: Server) -> None:
    """Nobody is allowed through unrecorded; the message says what to do; the next start has every answer."""
    answers: list[dict[str, Any]] = []
    with cramped.start(before=little_room):
        key = cramped.make_key()
        with (
            cramped.client(key) as http,
            concurrent.futures.ThreadPoolExecutor(8) as pool,
        ):
            asked = [pool.submit(ask_until_refused, http, f"p{number}", answers) for number in range(8)]
            refused = [answer for one in asked for answer in one.result()]
        assert cramped.ended() == 1
    assert answers
    assert refused
    for answer in refused:
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.status_code, answer.json()["code"]) == (500, "storage.full")
        assert str(cramped.data) not in answer.text
    said = words(cramped.said())
    assert "storage.full" in said
    assert f"no space left for {cramped.data / 'log.db'}: make room" in said
    assert "Traceback" not in said

    with cramped.start(), cramped.client(key) as http:
        logged = {entry["name"]: entry for entry in entries_of_attempts(http)}
        assert all(logged[answer["id"]]["decision"] == answer["decision"] for answer in answers)
        send(http, "/v1/attempts", {"action": "login", "actor": "later"})
    check_log(cramped.data)


def entries_of_attempts(http: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        after = {"cursor": str(found[-1]["index"])} if found else {}
        page = entries(http, kind="attempt.decided", **after)
        found += page
        if len(page) < 1000:
            return found


def test_without_room_at_the_start_it_says_so_and_starts_when_there_is(tmp_path: Path) -> None:
    """Wherever the space ends (keys, policy, log), the start fails with a message and leaves nothing half made."""
    servers = {
        room: Server(tmp_path / f"data-{room}", STEPWARDEN_ADDRESSES_BUILTIN="false")
        for room in (10_000, 20_000)
    }
    try:
        for room, server in servers.items():
            server.begin(before=partial(resource.setrlimit, resource.RLIMIT_FSIZE, (room, room)))
        for room, server in servers.items():
            assert server.ended() == 1
            assert re.search("make room|cannot be written: File too large", words(server.said())), room
            assert "Traceback" not in server.said()
            server.begin()
        for server in servers.values():
            server.await_answers()
    finally:
        for server in servers.values():
            server.kill()
