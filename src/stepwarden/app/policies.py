"""Commands about the life of policies, carried out by an open service. How they are asked: ``commands``."""

from typing import Any, assert_never

import msgspec

from stepwarden.app.commands import ListPolicies, PolicyCommand, ShowPolicy, StepPolicy, SwitchEmergency
from stepwarden.errors import InputError
from stepwarden.flow.policies import Policies, StepAsked


async def policy_command(policies: Policies, command: PolicyCommand, *, by: str) -> dict[str, object]:
    """Carry it out, and say what was done or found.

    Raises:
        StepwardenError: it was not carried out.
    """
    match command:
        case StepPolicy():
            done = await policies.step(_asked(command), by=by)
            return {"id": done.id}
        case SwitchEmergency(on=on, reason=reason):
            done = await policies.emergency(on, reason=reason, by=by)
            return {"id": done.id}
        case ListPolicies():
            return _plain(policies.listing())
        case ShowPolicy(policy=policy):
            return _plain(policies.show(policy))
        case _:
            assert_never(command)


def _asked(command: StepPolicy) -> StepAsked:
    try:
        return msgspec.convert(command, StepAsked, from_attributes=True)
    except msgspec.ValidationError as exc:
        raise InputError(f"there is no step {command.step[:64]!r}", field="step") from exc


def _plain(view: msgspec.Struct) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(view)
    return found
