"""Plain words: what somebody wanted to do, and why it was refused. What they approve, Stepwarden's page says."""

from collections.abc import Mapping
from typing import assert_never

from demo.bank.accounts import euros
from stepwarden.sdk import Allowed, Decision, Denied, StepUp

_WHAT = {
    "login": "Sign in to Acme Bank",
    "balance.read": "See your balance",
    "customers.read": "See the list of customers",
    "customers.export": "Export the data of all customers",
}


def what(action: str, parameters: Mapping[str, str | int | bool]) -> str:
    """What somebody wants to do, with its details."""
    if action == "transfer":
        return f"Send {euros(int(parameters['amount']))} to {parameters['to']}"
    if action == "mail.change":
        return f"Change your mail address to {parameters['mail']}"
    return _WHAT[action]


def why(decision: Decision) -> tuple[str, ...]:
    """The strongest reasons, or what the action itself needs where no rule spoke up."""
    # What speaks for a person (a weight below 0) is no reason; what "action" says, we say in plainer words below.
    speaking = tuple(r.text for r in decision.reasons if r.weight >= 0 and r.rule != "action")[:4]
    if speaking:
        return speaking
    match decision:
        case Allowed():
            return ()
        case StepUp():
            if decision.demand.bound:
                return ("This always needs a code of its own.",)
            return ("It has been a while since you last proved that it is you.",)
        case Denied():
            return ("The risk of this attempt is too high.",)
        case _:
            assert_never(decision)
