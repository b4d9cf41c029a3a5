"""Who is known here? Nobody can tell from the answers: neither from what they say nor from how long they take.

Times are compared by rank, over pairs that are asked in turn, so that a busy machine slows both sides down alike. A
difference counts only if it is both improbable (Mann-Whitney, p < 0.001) and large (a quarter of the median).
"""

from collections.abc import Callable, Sequence
from math import erfc, sqrt
from secrets import token_hex
from statistics import median
from time import perf_counter
from urllib.parse import urlsplit

import pytest

from tests.threats.page_browser import PageBrowser
from tests.threats.threat_house import CALLBACK, House

PAIRS = 150
IMPROBABLE = 0.001
LARGE = 0.25


def p_value(one: Sequence[float], other: Sequence[float]) -> float:
    """Mann-Whitney's U, two-sided, by its normal approximation (sound for samples of twenty and more).

    >>> round(p_value(range(30), range(30)), 3), p_value(range(30), range(30, 60)) < 1e-6
    (1.0, True)
    """
    ranks: dict[float, float] = {}
    everything = sorted((*one, *other))
    at = 0
    while at < len(everything):
        end = at
        while end < len(everything) and everything[end] == everything[at]:
            end += 1
        ranks[everything[at]] = (at + end + 1) / 2
        at = end
    n, m = len(one), len(other)
    u = sum(ranks[value] for value in one) - n * (n + 1) / 2
    z = abs(u - n * m / 2) / sqrt(n * m * (n + m + 1) / 12)
    return erfc(z / sqrt(2))


def same_time(one: Callable[[], object], other: Callable[[], object]) -> None:
    """Ask both in turn, and compare."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(2 * PAIRS):
        side = (number + number // 2) % 2  # one other other one: neither is always the first
        began = perf_counter()
        (one, other)[side]()
        times[side].append(perf_counter() - began)
    middle = median(times[0]), median(times[1])
    large = abs(middle[0] - middle[1]) > LARGE * min(middle)
    assert not (large and p_value(*times) < IMPROBABLE), middle


def test_attack_a_known_and_an_unknown_user_are_timed_at_a_sign_in(house: House) -> None:
    """Wrong passwords of somebody with factors, and of nobody: the application waits as long for both."""
    known = house.person().sign_in().with_totp()
    stranger = known.actor + "-not"
    known.device = ""

    def ask(actor: str) -> None:
        house.http.post("/v1/attempts", json=known.asks("balance.read", actor=actor, session=""))

    same_time(lambda: ask(known.actor), lambda: ask(stranger))


@pytest.mark.parametrize("what", ["factors", "sessions", "devices"])
def test_attack_ask_the_service_about_somebody_unknown(house: House, what: str) -> None:
    """A person who has nothing and one who never was get the same body, where the API may be asked at all."""
    known, unknown = house.person().sign_in().actor, f"nobody-{token_hex(4)}"
    if what == "factors":
        replies = [house.http.get(f"/v1/actors/{actor}/factors") for actor in (known, unknown)]
        assert replies[0].content == replies[1].content == b'{"factors":[]}'
        return
    path = {"sessions": "sessions/revoke", "devices": "devices/forget"}[what]
    body = {"reason": "request 4711"} if what == "sessions" else {}
    replies = [house.http.post(f"/v1/actors/{unknown}{end}/{path}", json=body) for end in ("", "-2")]
    assert replies[0].content == replies[1].content


def test_attack_challenges_and_grants_that_never_were(house: House) -> None:
    """A challenge that has ended, one of somebody else and one that never was: one answer, in one time."""
    person = house.person().sign_in().with_totp()
    ended = person.transfer()
    person.answer(ended, "totp", person.code())

    def answer(name: str) -> tuple[int, bytes]:
        reply = house.http.post(f"/v1/challenges/{name}/answer", json={"factor": "totp", "answer": "123456"})
        return reply.status_code, reply.content

    over, never = ended["challenge"]["id"], "A" * 22
    assert answer(over) == answer(never)
    same_time(lambda: answer(over), lambda: answer(never))


def test_attack_keys_that_are_nearly_right_are_timed(house: House) -> None:
    """A key with one wrong letter at its end, and one of nobody: one answer, in one time."""
    nearly = house.key[:-1] + ("A" if house.key[-1] != "A" else "B")
    nobody = "sw_" + "0" * len(house.key.split("_")[1]) + "_" + "A" * len(house.key.split("_")[2])
    with house.server.client() as http:

        def ask(key: str) -> tuple[int, bytes]:
            reply = http.get("/v1/log/checkpoint", headers={"Authorization": f"Bearer {key}"})
            return reply.status_code, reply.content

        assert ask(nearly) == ask(nobody)
        same_time(lambda: ask(nearly), lambda: ask(nobody))


def openid(house: House, actor: str) -> str:
    client = house.client_key.split("_")[1]
    return (
        f"/openid/authorize?client_id={client}&redirect_uri={CALLBACK}&response_type=code&scope=openid"
        f"&code_challenge={'A' * 43}&code_challenge_method=S256&acr_values=nist-aal2&login_hint={actor}"
    )


def test_attack_our_openid_provider_is_asked_who_is_known(house: House) -> None:
    """Anybody may name anybody there. A passkey's owner, and nobody: the same page but for random bytes."""
    owner = house.person(device=False).sign_in().with_passkey()
    nobody = f"nobody-{token_hex(6)}"
    shapes = []
    for actor in (owner.actor, nobody):
        browser = PageBrowser(house.url, "93.2.2.2")
        reply = browser.go(openid(house, actor))
        shapes.append((reply.status_code, page_shape(reply.text, actor)))
        assert urlsplit(str(reply.url)).path.startswith("/step-up/")
    assert shapes[0] == shapes[1]


def page_shape(text: str, actor: str) -> str:
    """A page without what is random, or told by the visitor: tags and words."""
    for mark in ("csrf", "data-options", "/step-up/", "data-expires", "datetime"):
        parts = text.split(mark)
        text = mark.join([parts[0], *(part[part.find('"', 3) :] for part in parts[1:])])
    kept = [
        word for word in text.replace(actor, "ACTOR").split() if not any(digit.isdigit() for digit in word)
    ]
    return " ".join(kept)


def test_attack_tickets_that_are_wrong_are_told_apart(house: House) -> None:
    """Used, made up, malformed: the same page."""
    person = house.person(device=False).sign_in()
    url = house.http.post(f"/v1/actors/{person.actor}/pages", json={"proved": ["pwd"]}).json()["url"]
    PageBrowser(house.url, person.ip).go(url)
    found = set()
    for address in (url, "/account?ticket=" + "A" * 32, "/account?ticket=x"):
        browser = PageBrowser(house.url)
        reply = browser.go(address)
        found.add((reply.status_code, reply.text))
    assert len(found) == 1
    assert found.pop()[0] == 404
