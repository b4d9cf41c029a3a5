"""Guessing: every kind of factor is counted by the one gate, in the log, whatever becomes of the request.

Counted is what the log says: answers that were looked at (``wrong``, ``replayed``, ``cloned``, and the one that ended a
challenge). At most 5 for a challenge; the 10th locks the factor.
"""

import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.stories.running import check_log, until
from tests.threats.page_browser import PageBrowser
from tests.threats.threat_house import House, Person, open_house

PER_CHALLENGE = 5
LOCKED_AT = 10
Guess = Callable[[dict[str, Any]], tuple[int, str]]
"""One wrong answer to a challenge: status and code of what was answered."""


def refused(reply: Any) -> tuple[int, str]:
    return reply.status_code, reply.json()["code"]


def test_attack_a_code_is_guessed_across_two_hundred_parallel_sessions(house: House) -> None:
    """Who knows the password opens 200 sessions and guesses in all of them at once (AuthQuake): 10 are looked at."""
    person = house.person().sign_in().with_totp()
    wrong = person.wrong_code()

    def session(number: int) -> list[int]:
        asked = person.ask("login", session="", device={"id": f"burglar-{number}"})
        if asked["decision"] != "step_up":
            return [403]
        person.tell(asked, "unknown", proved=["pwd"])
        return [person.answer(asked, "totp", wrong).status_code for _ in range(5)]

    with ThreadPoolExecutor(32) as pool:
        statuses = [one for found in pool.map(session, range(200)) for one in found]
    assert len(statuses) >= 200
    assert set(statuses) <= {403, 409, 429}
    assert 0 < house.looked_at(person.actor) <= LOCKED_AT
    assert not house.entries(person.actor, "challenge.passed")


def test_attack_the_request_is_cut_off_and_the_service_killed_after_a_wrong_answer(tmp_path: Path) -> None:
    """Nobody waits for the refusal, and the service dies: the count is in the log all the same (CVE-2026-35597)."""
    with open_house(tmp_path / "data") as house:
        person = house.person().sign_in().with_totp()
        first, second = person.transfer(1), person.transfer(2)
        for number in range(PER_CHALLENGE - 1):
            cut_off(house, first, person.wrong_code())
            await_count(house, person, number + 1)
        house.server.kill()
        house.server.start()
        house.url = house.server.url.replace("127.0.0.1", "localhost")
        house.http = house.server.client(house.key)
        assert house.looked_at(person.actor) == PER_CHALLENGE - 1
        # The fifth ends the first challenge, five end the second; then the factor is locked for the third.
        assert refused(person.answer(first, "totp", person.wrong_code())) == (403, "challenge.refused")
        assert refused(person.answer(first, "totp", person.code())) == (409, "challenge.closed")
        for _ in range(PER_CHALLENGE):
            person.answer(second, "totp", person.wrong_code())
        third = person.transfer(3)
        assert refused(person.answer(third, "totp", person.code())) == (429, "factor.locked")
        assert house.looked_at(person.actor) == LOCKED_AT
        assert house.server.stop() == 0
        check_log(house.server.data)


def await_count(house: House, person: Person, count: int) -> None:
    until(lambda: house.looked_at(person.actor) == count, "the entry of a wrong answer")


def cut_off(house: House, attempt: dict[str, Any], code: str) -> None:
    """Send an answer, and be gone before anything can come back."""
    body = json.dumps({"factor": "totp", "answer": code}).encode()
    parts = urlsplit(house.url)
    head = (
        f"POST /v1/challenges/{attempt['challenge']['id']}/answer HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Authorization: Bearer {house.key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((parts.hostname, parts.port), 30) as sock:
        sock.sendall(head.encode() + body)
        sock.shutdown(socket.SHUT_WR)


def by_code(person: Person, factor: str) -> Guess:
    return lambda asked: refused(person.answer(asked, factor, person.wrong_code()))


def by_sent_code(person: Person, factor: str) -> Guess:
    """A code is sent, and another one typed."""

    def guess(asked: dict[str, Any]) -> tuple[int, str]:
        path = f"/v1/challenges/{asked['challenge']['id']}/send"
        person.house.http.post(path, json={"factor": factor})
        return refused(person.answer(asked, factor, "000000"))

    return guess


def by_passkey(person: Person) -> Guess:
    """Somebody found the key, and is not verified by it."""
    return lambda asked: refused(person.answer(asked, "webauthn", person.sign(asked, verified=False)))


def by_push(person: Person) -> Guess:
    """The provider reports an approval with a number that the page does not show."""

    def guess(asked: dict[str, Any]) -> tuple[int, str]:
        reply = person.house.pushed(asked["challenge"]["id"], "approve", "")
        return refused(reply)

    return guess


def set_up(house: House, factor: str) -> tuple[Person, Guess, Callable[[int], dict[str, Any]]]:
    """Somebody with this one factor, a wrong answer by it, and what asks for it."""
    person = house.person().sign_in()

    def confirm(number: int) -> dict[str, Any]:
        return person.ask("note.confirm", resource=f"note/{number}")

    match factor:
        case "totp":
            return person.with_totp(), by_code(person, "totp"), confirm
        case "recovery":
            person.with_recovery()
            return person, by_code(person, "recovery"), confirm
        case "webauthn":
            return person.with_passkey(), by_passkey(person), confirm
        case "push":
            person.with_address("push")
            return person, by_push(person), confirm
        case _:
            person.with_address(factor)
            return person, by_sent_code(person, factor), confirm


@pytest.mark.parametrize("factor", ["totp", "recovery", "email", "sms", "push", "webauthn"])
def test_attack_a_kind_of_factor_that_is_not_counted(house: House, factor: str) -> None:
    """Five wrong answers end a challenge and ten lock the factor, by whatever kind (keycloak-magic-link #211)."""
    person, guess, confirm = set_up(house, factor)
    for number in range(2):
        asked = confirm(number)
        assert asked["decision"] == "step_up", asked
        said = [guess(asked) for _ in range(PER_CHALLENGE)]
        assert said == [(403, "challenge.refused")] * PER_CHALLENGE
        assert guess(asked)[0] in (404, 409) if factor != "webauthn" else True
        assert house.looked_at(person.actor, factor) == PER_CHALLENGE * (number + 1)
    third = confirm(3)
    if third["decision"] == "step_up":  # else so many failures were refused by themselves
        assert guess(third) == (429, "factor.locked")
    assert house.looked_at(person.actor) == LOCKED_AT
    assert not house.entries(person.actor, "challenge.passed")


def test_attack_password_failures_lock_a_passkey_user_out(house: House) -> None:
    """Forty wrong passwords by somebody else within a minute: the owner's passkey still works (Keycloak #46164)."""
    owner = house.person().sign_in().with_passkey()
    burglar = house.person(actor=owner.actor)
    for number in range(40):
        asked = burglar.ask("login", session="", ip=f"93.{number}.7.9")
        burglar.tell(asked, "failure")
        if asked["decision"] == "step_up":
            reply = burglar.answer(asked, "totp", "000000")
            assert reply.status_code == 409, reply.text
    asked = owner.ask("login", session="")
    assert asked["decision"] == "step_up", asked
    owner.tell(asked, "unknown", proved=["pwd"])
    assert owner.answer(asked, "webauthn", owner.sign(asked)).status_code == 200
    assert house.looked_at(owner.actor) == 0


def test_attack_wrong_answers_on_our_page_by_whoever_has_only_the_address(house: House) -> None:
    """Without a first factor a challenge cannot be answered, counted or locked: not by the page either."""
    owner = house.person().sign_in().with_totp()
    asked = owner.ask("login", session="", device={"id": "burglar"})
    assert asked["decision"] == "step_up"
    burglar = PageBrowser(house.url, "93.1.2.3")
    burglar.go(asked["challenge"]["url"])
    assert burglar.reply.status_code == 409
    page = house.person().sign_in().with_totp().transfer()["challenge"]["url"]
    burglar.go(page)
    token = burglar.form("/answer")[1]["csrf"]
    for _ in range(12):
        fields = {"csrf": token, "factor": "totp", "answer": "000000"}
        burglar.post(urlsplit(asked["challenge"]["url"]).path + "/answer", fields)
    assert house.looked_at(owner.actor) == 0
    assert owner.answer(owner.transfer(), "totp", owner.code()).status_code == 200
