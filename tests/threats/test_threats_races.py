"""A thousand races, each over eight connections at once: nothing that is good once is ever good twice.

What races: one TOTP code over two challenges; one grant in attempts and redemptions; one code of our page; one recovery
code; one passkey's assertion. The service is one process with one loop, so what could go wrong is a pause between
verifying and using up; the last bytes of all requests come when every request is there (``racing``).
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from tests.threats.page_browser import PageBrowser
from tests.threats.racing import Racers, Sent
from tests.threats.threat_house import SHOP, House, Person

ROUNDS = 200
"""Of each of five kinds."""
WIDTH = 8
AT_ONCE = 24
"""Preparations that share the disk's syncs."""
T = TypeVar("T")
Answers = Sequence[tuple[int, dict[str, Any]]]


def prepare(house: House, number: int, make: Callable[[Person], T]) -> list[T]:
    """So many of something, each of somebody who is signed in."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda _: make(house.person().sign_in()), range(number)))


def answer_to(attempt: dict[str, Any], factor: str, answer: str) -> Sent:
    return f"/v1/challenges/{attempt['challenge']['id']}/answer", {"factor": factor, "answer": answer}


def passed(answers: Answers) -> int:
    """How many were given a grant; the rest must have been refused as every wrong answer is."""
    wins = [body for status, body in answers if status == 200]
    assert all(body["grant"] for body in wins)
    rest = {(status, body["code"]) for status, body in answers if status != 200}
    assert rest <= {(403, "challenge.refused"), (409, "challenge.closed")}, rest
    return len(wins)


def race_codes(house: House, rounds: int) -> None:
    """One code of an app shown eight times, to two challenges; then its grant; then the next code on our page."""
    ready = prepare(
        house, rounds, lambda one: (one.with_totp(), one.transfer(1), one.transfer(2), on_our_page(one))
    )
    with Racers(house.url, house.key, WIDTH) as racers:
        grants, collects = [], []
        for person, first, second, browser in ready:
            code = person.code()
            answers = racers.race([answer_to((first, second)[n % 2], "totp", code) for n in range(WIDTH)])
            assert passed(answers) == 1
            won = next(n for n, (status, _) in enumerate(answers) if status == 200)
            grants.append((person, 1 + won % 2, answers[won][1]["grant"]))
            collects.append(confirmed(person, browser))
        for person, number, grant in grants:
            race_grant(racers, person, number, grant)
        for challenge, code in collects:
            path = f"/v1/challenges/{challenge}/collect"
            assert passed(racers.race([(path, {"code": code})] * WIDTH)) == 1


def race_grant(racers: Racers, person: Person, number: int, grant: str) -> None:
    """The very attempt again, and redemptions: one of all of them gets what the grant is for."""
    parameters = {"amount": 100 + number, "to": "DE02"}
    attempt = ("/v1/attempts", person.asks("transfer", parameters=parameters, grant=grant))
    answers = racers.race([attempt, ("/v1/grants/redeem", {"grant": grant})] * (WIDTH // 2))
    assert {status for status, _ in answers} == {200}
    allowed = [body for _, body in answers if body.get("decision") == "allow" or body.get("active") is True]
    assert len(allowed) == 1, answers


def on_our_page(person: Person) -> PageBrowser:
    """A third transfer, opened on our page."""
    browser = PageBrowser(person.house.url, person.ip)
    url = person.transfer(3)["challenge"]["url"]
    assert browser.go(f"{url}?return_to={SHOP}/done").status_code == 200
    return browser


def confirmed(person: Person, browser: PageBrowser) -> tuple[str, str]:
    """Confirm it there with the next code: challenge, and the code that the browser brings back."""
    reply = browser.submit("/answer", form={"factor": "totp"}, answer=person.code())
    assert reply.status_code == 303, reply.text
    query = reply.next_request
    assert query is not None
    browser.http.close()
    return query.url.params["challenge"], query.url.params["code"]


def race_recovery(house: House, rounds: int) -> None:
    """One recovery code, shown eight times: to a sign-in from a new device."""
    ready = prepare(house, rounds, lambda one: (one, one.with_recovery(), one.from_new_phone()))
    with Racers(house.url, house.key, WIDTH) as racers:
        for _, codes, asked in ready:
            assert passed(racers.race([answer_to(asked, "recovery", codes[0])] * WIDTH)) == 1


def race_passkeys(house: House, rounds: int) -> None:
    """One assertion, sent eight times."""

    def signed(person: Person) -> Sent:
        asked = person.with_passkey().transfer()
        return answer_to(asked, "webauthn", person.sign(asked))

    ready = prepare(house, rounds, signed)
    with Racers(house.url, house.key, WIDTH) as racers:
        for request in ready:
            assert passed(racers.race([request] * WIDTH)) == 1


def test_attack_a_thousand_races_and_never_two_winners(house: House) -> None:
    """200 rounds of each of the five kinds, with eight parallel connections in each: exactly one success, always."""
    race_codes(house, ROUNDS)
    race_recovery(house, ROUNDS)
    race_passkeys(house, ROUNDS)


@pytest.mark.soak
def test_attack_ten_thousand_races_and_never_two_winners(house: House) -> None:
    """The same for longer: ten times as many."""
    for _ in range(10):
        race_codes(house, ROUNDS)
        race_recovery(house, ROUNDS)
        race_passkeys(house, ROUNDS)


def test_attack_code_replayed_fifty_times_at_once(house: House) -> None:
    """50 simultaneous uses of one code, over three challenges of three sessions: one passes (CVE-2026-27855)."""
    person = house.person().sign_in().with_totp()
    asked = [person.transfer(number) for number in range(3)]
    code = person.code()
    with Racers(house.url, house.key, 50) as racers:
        answers = racers.race([answer_to(asked[n % 3], "totp", code) for n in range(50)])
    wins = [status for status, _ in answers if status == 200]
    assert len(wins) == 1
    # All the same, nobody was told that the code was right: it is refused as a wrong one is, or the factor is locked.
    rest = {body["code"] for status, body in answers if status != 200}
    assert rest <= {"challenge.refused", "challenge.closed", "factor.locked"}
    kinds = [one["kind"] for one in house.entries(person.actor)]
    assert kinds.count("challenge.passed") == 1
    assert house.looked_at(person.actor) <= 10


def test_attack_two_sessions_of_an_application_race_for_one_account_page(house: House) -> None:
    """One ticket to somebody's own page, opened in eight browsers at once: one of them enters."""
    person = house.person().sign_in()
    found = house.http.post(f"/v1/actors/{person.actor}/pages", json={"proved": ["pwd"]})
    url = found.json()["url"]

    async def enter() -> list[bool]:
        async with house.server.async_client(house.key, WIDTH) as http:
            replies = await asyncio.gather(*(http.get(url) for _ in range(WIDTH)))
        return ["stepwarden-account" in reply.headers.get("set-cookie", "") for reply in replies]

    assert sum(asyncio.run(enter())) == 1
