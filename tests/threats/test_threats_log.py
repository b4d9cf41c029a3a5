"""The log under attack: text injected into it, no room in it, killed, stopped, put back; and rules that fail.

A full disk is in ``tests/stories/test_story_disk_full.py``, every moment of a kill in ``tests/crash``, and every rule
failing in turn in ``tests/policy/test_policy_default.py``. Here: what an attacker over HTTP gets meanwhile.
"""

import shutil
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.stories.running import PATIENCE, check_log, until
from tests.threats.page_browser import PageBrowser
from tests.threats.threat_house import House, open_house

FORGED = '{"kind":"attempt.decided","decision":"allow"}'
INJECTIONS = {
    "new line": f"x\n{FORGED}",
    "return": f"x\r\n\r\n{FORGED}",
    "colours": "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "delete": "x\x7f\x08\x08",
    "C1": "x\x9b31m",
    "line separator": f"x\u2028{FORGED}",
    "nul": "x\x00y",
}


def clean(house: House) -> None:
    """No entry has a control character in it, and none was made up."""
    for leaf in house.server.leaves():
        assert not any(byte < 0x20 or byte == 0x7F for byte in leaf), leaf
        assert FORGED.encode() not in leaf


@pytest.mark.parametrize("name", INJECTIONS)
def test_attack_text_is_injected_into_the_log_by_the_api(house: House, name: str) -> None:
    """In every field that takes text: refused, with a refusal that does not repeat it, and no byte of it in the log."""
    text, person = INJECTIONS[name], house.person().sign_in()
    for field in ("action", "actor", "session", "resource", "user_agent", "grant", "acr_values"):
        reply = house.http.post("/v1/attempts", json={**person.asks("login"), field: text})
        assert reply.status_code == 422, field
        assert FORGED not in reply.text
        assert "\x1b" not in reply.text
    for body in (
        {"device": {"id": text}},
        {"parameters": {"to": text}},
        {"parameters": {text: 1}},
        {"place": {"city": text}},
    ):
        assert house.http.post("/v1/attempts", json={**person.asks("login"), **body}).status_code == 422, body
    asked = person.ask("login", session="")
    for answer in ({"factor": "totp", "answer": text}, {"factor": text, "answer": "1"}):
        assert house.http.post(f"/v1/challenges/{asked['id']}/answer", json=answer).status_code in (404, 422)
    # An address that cannot be read is taken, as the highest risk; it stands in the log escaped.
    assert person.ask("login", session="", ip=text)["decision"] == "deny"
    clean(house)


def test_attack_text_is_injected_into_the_log_by_a_browser(house: House) -> None:
    """By the user agent, the path, the query, the form and the cookie of a page: nothing of it becomes a line."""
    person = house.person(device=False).sign_in().with_totp()
    ticket = house.http.post(f"/v1/actors/{person.actor}/pages", json={"proved": ["pwd"]}).json()["url"]
    for line in (
        f"User-Agent: x\r {FORGED}",
        "User-Agent: \x1b[31m",
        "User-Agent: x\x00",
        f"Cookie: a=\n{FORGED}",
    ):
        assert raw(house, ticket, line).startswith(b"HTTP/1.1 400")
    # Latin-1 is let through: what cannot be printed is left out, and what is long is cut.
    agent = "User-Agent: Mozilla/5.0 \x9b31m\xa0\xff " + "A" * 9_000
    assert raw(house, ticket, agent).startswith(b"HTTP/1.1 303")
    ticket = house.http.post(f"/v1/actors/{person.actor}/pages", json={"proved": ["pwd"]}).json()["url"]
    browser = PageBrowser(house.url, person.ip, **{"user-agent": "Mozilla/5.0 " + "A" * 9_000})
    assert browser.go(ticket).status_code == 200
    assert browser.go(f"/step-up/%0a{FORGED}").status_code in (404, 410)
    assert browser.go("/account?note=%1b[31m").status_code == 200
    huge = raw(house, "/account", "User-Agent: " + "A" * 40_000)
    assert huge.startswith(b"HTTP/1.1 431")
    clean(house)


def raw(house: House, url: str, line: str) -> bytes:
    """Ask with one more line in the head, whatever is in it; the first line of the answer."""
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    here = urlsplit(house.url)
    with socket.create_connection((here.hostname, here.port), PATIENCE) as sock:
        sock.sendall(f"GET {target} HTTP/1.1\r\nHost: {here.netloc}\r\n{line}\r\n\r\n".encode("latin-1"))
        return sock.recv(4096).partition(b"\r\n")[0]


def ask_until_it_ends(house: House, number: int) -> list[str]:
    """Transfers and reads until the connection breaks: the names of what was allowed."""
    allowed = []
    with house.server.client(house.key) as http:
        for count in range(2_000):
            body = {"action": "balance.read", "actor": f"worker-{number}-{count}", "ip": "81.1.1.1"}
            try:
                reply = http.post("/v1/attempts", json=body)
            except httpx.TransportError:
                break
            if reply.status_code == 200 and reply.json()["decision"] == "allow":
                allowed.append(reply.json()["id"])
    return allowed


def test_attack_the_service_is_killed_in_the_middle_of_decisions(tmp_path: Path) -> None:
    """Fail-open: whatever was allowed to anybody is in the log afterwards; nothing was allowed without."""
    with open_house(tmp_path / "data") as house:
        size = len(house.server.leaves())
        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(ask_until_it_ends, house, number) for number in range(8)]
            until(lambda: len(house.server.leaves()) > size + 100, "a hundred decisions")
            house.server.kill()
            allowed = [name for one in asked for name in one.result()]
        assert len(allowed) > 50
        house.server.start()
        with house.server.client(house.key) as http:
            known: set[str] = set()
            cursor = ""
            while True:
                query = {"kind": "attempt.decided", "limit": "1000"} | ({"cursor": cursor} if cursor else {})
                page = http.get("/v1/log/entries", params=query).json()
                known |= {one["id"] for one in page["entries"]}
                cursor = page["next_cursor"]
                if not cursor:
                    break
        assert set(allowed) <= known
        assert house.server.stop() == 0
        check_log(house.server.data)


def test_attack_the_service_is_stopped_in_the_middle_of_a_decision(tmp_path: Path) -> None:
    """It hangs: nobody is answered, so nobody is allowed. When it goes on, what was done is in the log."""
    with open_house(tmp_path / "data") as house:
        person = house.person().sign_in().with_totp()
        asked = person.transfer()
        house.server.process.send_signal(signal.SIGSTOP)
        with house.server.client(house.key) as http:
            http.timeout = httpx.Timeout(1.0)
            for path, body in (
                ("/v1/attempts", person.asks("balance.read")),
                (
                    f"/v1/challenges/{asked['challenge']['id']}/answer",
                    {"factor": "totp", "answer": person.code()},
                ),
            ):
                with pytest.raises(httpx.ReadTimeout):
                    http.post(path, json=body)
        house.server.process.send_signal(signal.SIGCONT)
        # What nobody waited for was done once, and gives nobody anything: the grant went nowhere.
        until(lambda: house.entries(person.actor, "challenge.passed"), "the answer that was given meanwhile")
        assert person.transfer()["challenge"]["id"] != asked["challenge"]["id"]


def test_attack_an_old_database_is_put_back(tmp_path: Path) -> None:
    """Guess ten codes, put yesterday's database back, guess again: it does not start, so there is nobody to ask."""
    with open_house(tmp_path / "data") as house:
        person = house.person().sign_in().with_totp()
        data = house.server.data
        assert house.server.stop() == 0
        shutil.copytree(data, tmp_path / "yesterday")
        house.server.start()
        house.http = house.server.client(house.key)
        for number in range(2):
            asked = person.transfer(number)
            for _ in range(5):
                person.answer(asked, "totp", person.wrong_code())
        assert person.answer(person.transfer(3), "totp", person.code()).status_code == 429
        assert house.server.stop() == 0
        for file in data.glob("log.db*"):
            file.unlink()
        shutil.copy(tmp_path / "yesterday" / "log.db", data / "log.db")
        house.server.begin()
        assert house.server.ended() == 1
        assert "ledger.rolled_back" in house.server.said(), house.server.said()
        assert "Traceback" not in house.server.said()


def test_attack_the_log_is_flooded_until_recording_stops(tmp_path: Path) -> None:
    """A flood fills the queue. Then somebody acts: the act is in the log, or it is refused; never only done."""
    with open_house(tmp_path / "data", STEPWARDEN_SERVER_QUEUE_LIMIT="16") as house:
        event = (
            '{"action":"login","actor":"a","outcome":"failure","time":"2026-01-01T00:00:00Z","source":"x"}\n'
        )

        def flood(number: int) -> int:
            with house.server.client(house.key) as http:
                headers = {"content-type": "application/x-ndjson"}
                return http.post("/v1/events", content=event * 14, headers=headers).status_code

        def act(number: int) -> tuple[int, Any]:
            body = {"action": "balance.read", "actor": f"victim-{number}", "ip": "81.1.1.1"}
            with house.server.client(house.key) as http:
                reply = http.post("/v1/attempts", json=body)
            return reply.status_code, reply.json()

        with ThreadPoolExecutor(48) as pool:
            floods = [pool.submit(flood, number) for number in range(150)]
            acts = [pool.submit(act, number).result() for number in range(60)]
            assert {one.result() for one in floods} <= {200, 503}
        logged = {one["name"] for one in entries_of(house)}
        for status, said in acts:
            assert (status == 200 and said["id"] in logged) or (status, said["code"]) == (503, "service.busy")


def entries_of(house: House) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        query = {"kind": "attempt.decided", "limit": "1000"} | ({"cursor": cursor} if cursor else {})
        page = house.http.get("/v1/log/entries", params=query).json()
        found += [one["entry"] | {"name": one["id"]} for one in page["entries"]]
        cursor = page["next_cursor"]
        if not cursor:
            return found


def test_attack_a_rule_that_fails_lowers_the_demand(tmp_path: Path) -> None:
    """A rule divides by zero, which an attacker may have brought about: it counts in full, and AAL2 is demanded."""
    rule = (
        "rules:\n  - id: broken\n    when: 10 / (actor_failures_1h - actor_failures_1h) > 1\n    weight: 0.1\n"
        "    reason: This rule cannot be evaluated\n    technique: T1078\n"
    )
    with open_house(tmp_path / "data", rules=rule) as house:
        person = house.person()
        asked = person.ask("login", session="")
        assert asked["decision"] == "step_up", asked
        assert asked["demand"]["aal"] >= 2
        assert "broken" in {reason["rule"] for reason in asked["reasons"]}
        assert person.ask("balance.read", session="")["decision"] != "allow"
