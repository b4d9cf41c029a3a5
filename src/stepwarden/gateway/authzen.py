"""AuthZEN Authorization API 1.0: the standard way to ask "may this subject do this to that resource?".

How a question becomes an attempt:

* ``subject.id`` is the actor; a subject whose type is not ``user`` is ``<type>:<id>``, so that kinds stay apart.
* ``action.name`` is the action; ``resource`` is ``<type>:<id>`` (a colon in the type is written ``%3A``).
* ``action.properties``, and ``resource.properties`` with ``resource.`` before the name, are the parameters that an
  approval is bound to. A value that is no string, integer or boolean stands there as its JSON text.
* ``context`` may hold ``session``, ``ip``, ``peer``, ``forwarded_for``, ``user_agent``, ``device``, ``place``,
  ``proved``, ``grant``, ``acr_values`` and ``max_age``, each as in ``POST /v1/attempts``. Other keys of it are not
  read.

A step-up is ``decision: false`` with what would help in the answer's ``context``: ``acr_values``, ``max_age`` (seconds,
only where freshness is asked for) and ``challenge``.
"""

import asyncio
from time import perf_counter
from typing import Annotated, Any, Literal

import msgspec

from stepwarden.errors import InputError
from stepwarden.events.attempt import NO_CONTROL, Attempt
from stepwarden.events.levels import acr_of
from stepwarden.flow.answers import Answer, ReasonText, ReceiptView
from stepwarden.gateway import wire
from stepwarden.gateway.exchange import Call, Reply
from stepwarden.gateway.strictjson import Reader, invalid

MAX_EVALUATIONS = 100
READ_FROM_CONTEXT = (
    "session", "ip", "peer", "forwarded_for", "user_agent", "device", "place", "proved", "grant",
    "acr_values", "max_age",
)  # fmt: skip
Semantic = Literal["execute_all", "deny_on_first_deny", "permit_on_first_permit"]
Properties = Annotated[dict[str, Any], msgspec.Meta(max_length=32)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=NO_CONTROL)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=NO_CONTROL)]


class Subject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who."""

    type: _Name
    id: _Id
    properties: Properties = {}


class Action(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What."""

    name: _Name
    properties: Properties = {}


class Resource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """On what."""

    type: _Name
    id: _Id
    properties: Properties = {}


class Evaluation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question."""

    subject: Subject
    action: Action
    resource: Resource
    context: dict[str, Any] = {}


class EvaluationItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question of several: what it leaves out is taken from the defaults, whole."""

    subject: Subject | None = None
    action: Action | None = None
    resource: Resource | None = None
    context: dict[str, Any] | None = None


class Options(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether to go on after the first denial, or the first permission."""

    evaluations_semantic: Semantic = "execute_all"


class Evaluations(EvaluationItem, frozen=True, kw_only=True):
    """Several questions, with defaults for what they have in common. Without a list it is one question."""

    evaluations: Annotated[list[EvaluationItem], msgspec.Meta(max_length=MAX_EVALUATIONS)] = []
    options: Options = Options()


class DecisionContext(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why, and what would help. ``verdict`` tells a step-up from a denial."""

    id: str
    verdict: Literal["allow", "step_up", "deny"]
    risk: float
    reasons: tuple[ReasonText, ...]
    policy: str
    receipt: ReceiptView
    acr_values: str = ""
    max_age: int | None = None
    challenge: wire.ChallengeShape | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one question."""

    decision: bool
    context: DecisionContext


class Decisions(msgspec.Struct, frozen=True, kw_only=True):
    """The answers, in the order of the questions; shorter where the semantic stopped."""

    evaluations: list[Decision]


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """Where the endpoints are."""

    policy_decision_point: str
    access_evaluation_endpoint: str
    access_evaluations_endpoint: str


_evaluation = Reader(Evaluation)
_evaluations = Reader(Evaluations)


def attempt_of(question: Evaluation, at: str = "$") -> Attempt:
    """The attempt that a question asks about.

    Raises:
        InputError: a value is none that an attempt may have; ``field`` is its path in the question.
    """
    subject, resource = question.subject, question.resource
    fields: dict[str, Any] = {
        name: question.context[name] for name in READ_FROM_CONTEXT if name in question.context
    }
    fields["actor"] = subject.id if subject.type == "user" else f"{subject.type}:{subject.id}"
    fields["action"] = question.action.name
    fields["resource"] = f"{resource.type.replace('%', '%25').replace(':', '%3A')}:{resource.id}"
    parameters = {name: _bindable(value) for name, value in question.action.properties.items()}
    parameters.update({f"resource.{name}": _bindable(value) for name, value in resource.properties.items()})
    if len(parameters) < len(question.action.properties) + len(resource.properties):
        raise InputError(
            "a property of the action hides one of the resource", field=f"{at}.action.properties"
        )
    if parameters:
        fields["parameters"] = parameters
    try:
        return msgspec.convert(fields, Attempt)
    except msgspec.ValidationError as exc:
        error = invalid(exc)
        raise InputError(str(error), field=at + _question_path(error.field)) from exc


def _bindable(value: object) -> object:
    return value if isinstance(value, str | int) else wire.encode(value).decode()


def _question_path(path: str) -> str:
    """Where in the question the attempt's field came from."""
    name = path.removeprefix("$.").split(".")[0].split("[")[0]
    origin = {
        "actor": ".subject.id",
        "action": ".action.name",
        "resource": ".resource",
        "parameters": ".action.properties",
    }
    return origin.get(name, ".context" + path.removeprefix("$"))


def decision_of(answer: Answer, base: str) -> Decision:
    """What AuthZEN says about an answer of ours; ``base`` is our public URL."""
    demand, offer = answer.demand, answer.challenge
    step_up = answer.decision == "step_up"
    context = DecisionContext(
        id=answer.id,
        verdict=answer.decision,
        risk=answer.risk,
        reasons=answer.reasons,
        policy=answer.policy,
        receipt=answer.receipt,
        acr_values=acr_of(demand.aal) if step_up else "",
        max_age=demand.max_age if step_up and demand.max_age >= 0 else None,
        challenge=None if offer is None else wire.challenge_shape(offer, base),
    )
    return Decision(decision=answer.decision == "allow", context=context)


async def _decide(call: Call, attempt: Attempt) -> Decision:
    started = perf_counter()
    answer = await call.service.decide(attempt, by=call.by)
    call.metrics.decided(answer.decision, perf_counter() - started)
    return decision_of(answer, call.settings.public_url)


async def evaluation(call: Call) -> Reply:
    """POST /access/v1/evaluation"""
    question = _evaluation.read(call.body)
    return Reply(wire.encode(await _decide(call, attempt_of(question))))


async def evaluations(call: Call) -> Reply:
    """POST /access/v1/evaluations. All questions are read before the first is decided."""
    asked = _evaluations.read(call.body)
    if not asked.evaluations:
        return Reply(wire.encode(await _decide(call, attempt_of(_whole(asked, asked, "$")))))
    attempts = [
        attempt_of(_whole(item, asked, f"$.evaluations[{number}]"), f"$.evaluations[{number}]")
        for number, item in enumerate(asked.evaluations)
    ]
    semantic = asked.options.evaluations_semantic
    if semantic == "execute_all":
        # Started in order, so recorded in order; together, so committed as one group.
        tasks = [asyncio.ensure_future(_decide(call, attempt)) for attempt in attempts]
        found = await asyncio.gather(*tasks, return_exceptions=True)
        decisions = []
        for result in found:
            if isinstance(result, BaseException):
                raise result
            decisions.append(result)
    else:
        last = semantic == "permit_on_first_permit"
        decisions = []
        for attempt in attempts:
            decisions.append(await _decide(call, attempt))
            if decisions[-1].decision is last:
                break
    return Reply(wire.encode(Decisions(evaluations=decisions)))


def _whole(item: EvaluationItem, defaults: EvaluationItem, at: str) -> Evaluation:
    subject = item.subject or defaults.subject
    action = item.action or defaults.action
    resource = item.resource or defaults.resource
    context = item.context if item.context is not None else defaults.context
    if subject is None:
        raise InputError("the subject is missing, here and among the defaults", field=f"{at}.subject")
    if action is None:
        raise InputError("the action is missing, here and among the defaults", field=f"{at}.action")
    if resource is None:
        raise InputError("the resource is missing, here and among the defaults", field=f"{at}.resource")
    return Evaluation(subject=subject, action=action, resource=resource, context=context or {})


async def metadata(call: Call) -> Reply:
    """GET /.well-known/authzen-configuration"""
    base = call.settings.public_url
    found = Metadata(
        policy_decision_point=base,
        access_evaluation_endpoint=f"{base}/access/v1/evaluation",
        access_evaluations_endpoint=f"{base}/access/v1/evaluations",
    )
    return Reply(wire.encode(found))
