"""A person signs in, is asked for a code, and moves money: over HTTP, with somebody else's code generator."""

from typing import Any

import httpx

from tests.stories.asking import CHROME, FIREFOX, Browser, entries, send
from tests.stories.authenticator import Authenticator

ACCOUNT = "account/7"


def enrol(http: httpx.Client, actor: str) -> Authenticator:
    answer = send(http, f"/v1/actors/{actor}/factors/totp", {"attempt": ""})
    assert answer["uri"].startswith("otpauth://totp/Stepwarden:")
    assert answer["svg"].startswith("<svg")
    return Authenticator(answer["secret"])


def rules(answer: dict[str, Any]) -> set[str]:
    return {reason["rule"] for reason in answer["reasons"]}


def test_a_person_signs_in_steps_up_and_transfers_with_codes_of_another_generator(http: httpx.Client) -> None:
    """The whole way: a known device passes, a new one takes a code, and a transfer takes another."""
    home = Browser(http, "198.51.100.7", FIREFOX, "laptop")
    home.sign_in("alice", "alice-1")
    device = enrol(http, "alice")

    phone = Browser(http, "192.0.2.77", FIREFOX, "phone")
    asked = phone.ask("login", "alice")
    assert asked["decision"] == "step_up", asked
    assert {"new-device", "new-network"} <= rules(asked)
    assert asked["challenge"]["factors"] == ["totp"]
    assert asked["challenge"]["ready"] is False
    early = {"factor": "totp", "answer": "000000"}
    path = f"/v1/challenges/{asked['challenge']['id']}/answer"
    assert send(http, path, early, status=409)["code"] == "challenge.not_ready"
    phone.tell(asked, "unknown", proved=["pwd"])
    grant = phone.type_code(asked, device.code())
    allowed = phone.ask("login", "alice", grant=grant)
    assert allowed["decision"] == "allow"
    phone.tell(allowed, "success", proved=["pwd"], session="alice-2")

    order = {"session": "alice-2", "resource": ACCOUNT, "parameters": {"amount": 100, "to": "DE02"}}
    held = phone.ask("transfer", "alice", **order)
    assert held["decision"] == "step_up"
    assert held["demand"]["bound"] is True
    assert held["challenge"]["ready"] is True
    grant = phone.type_code(held, device.code())
    changed = {**order, "parameters": {"amount": 1000, "to": "DE02"}}
    assert phone.ask("transfer", "alice", **changed, grant=grant)["decision"] == "step_up"
    paid = phone.ask("transfer", "alice", **order, grant=grant)
    assert paid["decision"] == "allow"
    phone.tell(paid, "success")
    assert phone.ask("transfer", "alice", **order, grant=grant)["decision"] == "step_up"

    kinds = [entry["kind"] for entry in entries(http, actor="alice")]
    assert kinds.count("challenge.passed") == 2
    passed = entries(http, actor="alice", kind="challenge.passed")
    assert [entry["aal"] for entry in passed] == [2, 2]
    decided = next(
        entry for entry in entries(http, actor="alice") if entry["index"] == paid["receipt"]["index"]
    )
    assert decided["grant"] == passed[1]["grant"]


def test_guessing_by_somebody_else_asks_the_owner_for_a_code_and_locks_nobody_out(http: httpx.Client) -> None:
    """After six wrong passwords the known device is asked for a code, and gets in with it."""
    home = Browser(http, "198.51.100.11", FIREFOX, "laptop")
    home.sign_in("anton", "anton-1")
    device = enrol(http, "anton")
    burglar = Browser(http, "203.0.113.9", CHROME, "burglar")
    for _ in range(6):
        burglar.tell(burglar.ask("login", "anton"), "failure")
    asked = home.ask("login", "anton")
    assert asked["decision"] == "step_up", asked
    assert {"actor-failures-few", "actor-failures-many"} <= rules(asked)
    home.tell(asked, "unknown", proved=["pwd"])
    grant = home.type_code(asked, device.code())
    assert home.ask("login", "anton", grant=grant)["decision"] == "allow"


def test_a_code_is_good_once_whatever_it_is_shown_to(http: httpx.Client) -> None:
    """Whoever looked over the shoulder has seen a used code, and hears what every wrong answer hears."""
    home = Browser(http, "198.51.100.21", FIREFOX, "laptop")
    home.sign_in("bella", "bella-1")
    code = enrol(http, "bella").code()
    first = home.ask("transfer", "bella", session="bella-1", resource=ACCOUNT)
    home.type_code(first, code)
    second = home.ask("transfer", "bella", session="bella-1", resource="account/8")
    path = f"/v1/challenges/{second['challenge']['id']}/answer"
    again = send(http, path, {"factor": "totp", "answer": code}, status=403)
    other = send(http, path, {"factor": "totp", "answer": "not a code"}, status=403)
    assert again == other
    results = [entry["result"] for entry in entries(http, kind="challenge.answered", actor="bella")]
    assert results == ["replayed", "wrong"]


def test_a_stolen_session_cookie_used_elsewhere_is_challenged(http: httpx.Client) -> None:
    """The same session from another network and agent is not simply believed, where its owner passes."""
    owner = Browser(http, "198.51.100.31", FIREFOX, "laptop")
    owner.sign_in("carol", "carol-1")
    assert owner.ask("balance.read", "carol", session="carol-1")["decision"] == "allow"
    thief = Browser(http, "203.0.113.31", CHROME, "other")
    stolen = thief.ask("balance.read", "carol", session="carol-1")
    assert stolen["decision"] == "deny"
    assert {"session-agent", "session-network"} <= rules(stolen)
    neighbour = Browser(http, "198.51.100.31", CHROME, "other")
    assert neighbour.ask("balance.read", "carol", session="carol-1")["decision"] == "step_up"
    assert owner.ask("balance.read", "carol", session="carol-1")["decision"] == "allow"


def test_an_unknown_user_is_answered_in_the_shape_of_a_known_one(http: httpx.Client) -> None:
    """At a sign-in form, the answer's fields do not say whether the account exists, and both leave one entry."""

    def shape(value: object) -> object:
        if isinstance(value, dict):
            return {key: shape(one) for key, one in value.items()}
        return [shape(one) for one in value[:1]] if isinstance(value, list) else type(value)

    known = Browser(http, "198.51.100.41", FIREFOX, "laptop")
    known.sign_in("dora", "dora-1")
    stranger = Browser(http, "203.0.113.41", CHROME, "new")
    for _ in range(4):
        one, other = (stranger.ask("login", actor) for actor in ("dora", "no-such-person"))
        told, told_other = (stranger.tell(answer, "failure") for answer in (one, other))
        # What was decided, and why, may differ: that is for the application, not for the form.
        about = {"reasons", "challenge"}
        assert {key: shape(one[key]) for key in one.keys() - about} == {
            key: shape(other[key]) for key in other.keys() - about
        }
        assert shape(told) == shape(told_other)
    missing = {"outcome": "failure"}
    gone = send(http, "/v1/attempts/999999-aaaaaaaa/outcome", missing, status=404)
    index = one["id"].partition("-")[0]
    assert send(http, f"/v1/attempts/{index}-aaaaaaaa/outcome", missing, status=404) == gone


def test_authzen_answers_a_step_up_with_what_would_help(http: httpx.Client) -> None:
    """A policy enforcement point that speaks the standard learns level, age and challenge; the grant works there."""
    home = Browser(http, "198.51.100.51", FIREFOX, "laptop")
    home.sign_in("erin", "erin-1")
    device = enrol(http, "erin")
    question: dict[str, Any] = {
        "subject": {"type": "user", "id": "erin"},
        "action": {"name": "transfer", "properties": {"amount": 100}},
        "resource": {"type": "account", "id": "17"},
        "context": {"session": "erin-1", "ip": "198.51.100.51", "user_agent": FIREFOX},
    }
    asked = send(http, "/access/v1/evaluation", question)
    assert asked["decision"] is False
    context = asked["context"]
    assert (context["verdict"], context["acr_values"], context["max_age"]) == ("step_up", "nist-aal2", 300)
    assert context["challenge"]["ready"] is True
    question["context"]["grant"] = home.type_code(context, device.code())
    assert send(http, "/access/v1/evaluation", question)["decision"] is True
    assert send(http, "/access/v1/evaluation", question)["decision"] is False
    many = {**question, "evaluations": [{}, {"action": {"name": "balance.read"}}]}
    answers = send(http, "/access/v1/evaluations", many)["evaluations"]
    assert [answer["decision"] for answer in answers] == [False, True]


def test_the_same_idempotency_key_gets_the_same_answer_and_one_entry_over_http(http: httpx.Client) -> None:
    """An application that lost the answer may ask again; with another body it is told so."""
    body = {"action": "login", "actor": "flora", "ip": "198.51.100.61"}
    key = {"Idempotency-Key": "flora-1"}
    answers = [send(http, "/v1/attempts", body, headers=key) for _ in range(3)]
    assert {(answer["id"], answer["decision"], answer["risk"]) for answer in answers} == {
        (answers[0]["id"], answers[0]["decision"], answers[0]["risk"])
    }
    other = {**body, "ip": "198.51.100.62"}
    assert send(http, "/v1/attempts", other, status=409, headers=key)["code"] == "request.conflict"
    assert len(entries(http, actor="flora", kind="attempt.decided")) == 1
