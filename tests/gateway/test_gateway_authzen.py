"""AuthZEN: questions become attempts, answers become decisions."""

from typing import Any

import httpx
import msgspec
import pytest

from stepwarden.errors import BusyError, InputError
from stepwarden.gateway.authzen import Action, Evaluation, Resource, Subject, attempt_of
from tests.gateway.gateway_fake import FakeService

ASK: dict[str, Any] = {
    "subject": {"type": "user", "id": "alice"},
    "action": {"name": "transfer", "properties": {"amount": 100, "to": "DE89", "note": {"a": [1.5]}}},
    "resource": {"type": "acc:ount", "id": "17", "properties": {"owner": "alice"}},
    "context": {"session": "s-1", "ip": "192.0.2.7", "grant": "g-1", "weather": "fine"},
}


def many(*ids: str, **more: Any) -> dict[str, Any]:
    questions = [{"resource": {"type": "account", "id": name}} for name in ids]
    return {"subject": ASK["subject"], "action": {"name": "read"}, "evaluations": questions, **more}


def test_a_question_becomes_an_attempt(client: httpx.Client, service: FakeService) -> None:
    """Subject, action, resource, what the approval is bound to, and what of the context is read."""
    assert client.post("/access/v1/evaluation", json=ASK).json()["decision"] is True
    attempt = service.calls[0][1][0]
    assert (attempt.actor, attempt.action, attempt.resource) == ("alice", "transfer", "acc%3Aount:17")
    assert (attempt.session, attempt.ip, attempt.grant) == ("s-1", "192.0.2.7", "g-1")
    assert attempt.parameters == {
        "amount": 100, "to": "DE89", "note": '{"a":[1.5]}', "resource.owner": "alice"
    }  # fmt: skip


def test_a_step_up_is_a_denial_that_says_what_would_help(client: httpx.Client, service: FakeService) -> None:
    """acr_values, max_age and the challenge stand in the context."""
    service.decisions = ["step_up"]
    body = client.post("/access/v1/evaluation", json=ASK).json()
    assert body["decision"] is False
    context = body["context"]
    assert (context["verdict"], context["acr_values"], context["max_age"]) == ("step_up", "nist-aal2", 300)
    assert context["challenge"]["id"] == "c-abcdefgh"
    assert context["reasons"][0]["rule"] == "new_device"
    assert context["receipt"]["index"] == 12


def test_a_denial_offers_nothing(client: httpx.Client, service: FakeService) -> None:
    """No level would help."""
    service.decisions = ["deny"]
    body = client.post("/access/v1/evaluation", json=ASK).json()
    assert body["decision"] is False
    assert not {"acr_values", "max_age", "challenge"} & body["context"].keys()


@pytest.mark.parametrize(
    ("semantic", "decisions", "answers"),
    [
        ("execute_all", ["allow", "deny", "step_up"], [True, False, False]),
        ("deny_on_first_deny", ["allow", "step_up", "allow"], [True, False]),
        ("permit_on_first_permit", ["deny", "allow", "allow"], [False, True]),
    ],
)
def test_the_three_semantics(
    client: httpx.Client, service: FakeService, semantic: str, decisions: list[str], answers: list[bool]
) -> None:
    """What comes after the deciding answer is not asked, so not recorded either."""
    service.decisions = list(decisions)
    body = client.post(
        "/access/v1/evaluations", json=many("1", "2", "3", options={"evaluations_semantic": semantic})
    ).json()
    assert [found["decision"] for found in body["evaluations"]] == answers
    assert [call[1][0].resource for call in service.calls] == [
        f"account:{n + 1}" for n in range(len(answers))
    ]


def test_an_item_replaces_a_default_whole(client: httpx.Client, service: FakeService) -> None:
    """Its own context is not mixed with the default one."""
    asked = many("1", context={"session": "s-1", "ip": "192.0.2.1"})
    asked["evaluations"].append(
        {
            "subject": {"type": "service", "id": "x"},
            "resource": ASK["resource"],
            "context": {"session": "s-2"},
        }
    )
    client.post("/access/v1/evaluations", json=asked)
    first, second = (call[1][0] for call in service.calls)
    assert (first.actor, first.session, first.ip) == ("alice", "s-1", "192.0.2.1")
    assert (second.actor, second.session, second.ip) == ("service:x", "s-2", "")


def test_without_a_list_it_is_one_question(client: httpx.Client) -> None:
    """The answer has the shape of a single evaluation."""
    for asked in (ASK, {**ASK, "evaluations": []}):
        assert client.post("/access/v1/evaluations", json=asked).json()["decision"] is True


@pytest.mark.parametrize(("count", "status"), [(100, 200), (101, 422)])
def test_at_most_a_hundred_questions(
    client: httpx.Client, service: FakeService, count: int, status: int
) -> None:
    """The bound is exact, and beyond it nothing is decided."""
    reply = client.post("/access/v1/evaluations", json=many(*map(str, range(count))))
    assert reply.status_code == status
    assert len(service.calls) == (count if status == 200 else 0)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"evaluations": [{}]}, "$.evaluations[0].resource"),
        ({"subject": None}, "$.evaluations[0].subject"),
        ({"action": {"name": "Read"}}, "$.evaluations[0].action.name"),
        ({"context": {"ip": 7}}, "$.evaluations[0].context.ip"),
        ({"context": {"device": {"idd": "x"}}}, "$.evaluations[0].context.device"),
        ({"subject": {"type": "user", "id": ""}}, "$.subject.id"),
        ({"options": {"evaluations_semantic": "some"}}, "$.options.evaluations_semantic"),
    ],
)
def test_one_bad_question_refuses_all_before_any_is_decided(
    client: httpx.Client, service: FakeService, change: dict[str, Any], field: str
) -> None:
    """The field is named where it stands in the question."""
    reply = client.post("/access/v1/evaluations", json={**many("1"), **change})
    assert (reply.status_code, reply.json()["field"]) == (422, field)
    assert service.calls == []


def test_a_full_queue_in_the_middle_is_503(client: httpx.Client, service: FakeService) -> None:
    """Part of an answer is no answer."""
    service.fails = BusyError("full")
    assert client.post("/access/v1/evaluations", json=many("1", "2")).status_code == 503


def test_a_property_cannot_hide_another() -> None:
    """What is bound stays bound, whoever names what how."""
    question = Evaluation(
        subject=Subject(type="user", id="a"),
        action=Action(name="pay", properties={"resource.to": "mallory"}),
        resource=Resource(type="x", id="1", properties={"to": "bob"}),
    )
    with pytest.raises(InputError):
        attempt_of(question)


def test_metadata_names_the_public_url_whatever_the_host_header_says(anonymous: httpx.Client) -> None:
    """A Host header from outside changes nothing."""
    reply = anonymous.get("/.well-known/authzen-configuration", headers={"host": "evil.example"})
    assert msgspec.json.decode(reply.content) == {
        "policy_decision_point": "https://warden.example",
        "access_evaluation_endpoint": "https://warden.example/access/v1/evaluation",
        "access_evaluations_endpoint": "https://warden.example/access/v1/evaluations",
    }


def test_the_request_id_is_echoed(client: httpx.Client) -> None:
    """As AuthZEN asks."""
    reply = client.post("/access/v1/evaluation", json=ASK, headers={"x-request-id": "bfe9eb29-ab87-4ca3"})
    assert reply.headers["x-request-id"] == "bfe9eb29-ab87-4ca3"
