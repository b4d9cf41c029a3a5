"""What two policies differ in: not their texts, but what they say.

A line for each difference, by where it is: the prior, actions, bands, rules. What only stands elsewhere in the file, or
is commented or folded otherwise, is no difference.

>>> from stepwarden.policy.loader import MINIMAL, load
>>> for line in differences(load(MINIMAL), load(MINIMAL.replace("weight: 2", "weight: 2.5"))):
...     print(line)
rules: new-device: weight 2 -> 2.5
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import msgspec

from stepwarden.events.entries import Demand
from stepwarden.policy.fields import LEVELS
from stepwarden.policy.policy import Policy

NOTHING = "nothing"
_LEVELS = tuple(LEVELS)
_MILLI = frozenset({"weight", "least", "most"})
_UNSAID = frozenset({"id", "name", "risk", "matches", "identity", "ended", "type", "unit", "default", "doc"})
"""Fields that name a thing, follow from the others or explain them."""


def differences(old: Policy, new: Policy) -> list[str]:
    """What ``new`` says otherwise than ``old``, in the order of the file. Empty: they decide alike."""
    return list(_all(old, new))


def _all(old: Policy, new: Policy) -> Iterator[str]:
    if old.prior != new.prior:
        yield f"prior: {old.prior / 1000:g} -> {new.prior / 1000:g}"
    yield from _named("actions", old.actions, new.actions)
    yield from _named("bands", _bands(old), _bands(new))
    yield from _named("rules", {rule.id: rule for rule in old.rules}, {rule.id: rule for rule in new.rules})
    ours, theirs = ([rule.id for rule in policy.rules] for policy in (old, new))
    if ours != theirs and sorted(ours) == sorted(theirs):
        yield "rules: in another order (which changes no score)"
    yield from _named("signals", _signals(old), _signals(new))


def _bands(policy: Policy) -> dict[str, Any]:
    return {f"from {band.risk / 10_000:g}%": band for band in policy.bands}


def _signals(policy: Policy) -> dict[str, Any]:
    return {spec.name: spec for spec in policy.signals}


def _named(room: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in (*old, *(name for name in new if name not in old)):
        if name not in new:
            yield f"{room}: {name}: removed ({_brief(old[name])})"
        elif name not in old:
            yield f"{room}: {name}: added ({_brief(new[name])})"
        else:
            yield from (f"{room}: {name}: {one}" for one in _changed(old[name], new[name]))


def _changed(old: Any, new: Any) -> Iterator[str]:
    before, after = _parts(old), _parts(new)
    for key in (*before, *(key for key in after if key not in before)):
        one, other = before.get(key, NOTHING), after.get(key, NOTHING)
        if one != other:
            yield f"{key} {one} -> {other}"


def _brief(value: Any) -> str:
    return ", ".join(f"{key} {part}" for key, part in _parts(value).items())


def _parts(value: Any) -> dict[str, str]:
    """The parts of an action, band, rule or signal that say anything, as words."""
    names = (
        value.__struct_fields__ if isinstance(value, msgspec.Struct) else [one.name for one in fields(value)]
    )
    found: dict[str, str] = {}
    for name in names:
        part = getattr(value, name)
        if name in _UNSAID or part is None or part is False or part in ("", ()):
            continue
        if name in ("least", "most") and not getattr(value, "of", ""):
            continue  # bounds of a graded rule only
        if isinstance(part, Demand):
            found[name] = say(part)
        elif name in _MILLI:
            found[name] = f"{part / 1000:g}"
        elif name == "window":
            found[name] = f"{part}s"
        elif name == "key":
            found[name] = "+".join(part)
        elif name == "approve":
            found[name] = ", ".join(
                f"{one} {text.format()!r}" for one, text in sorted(part.templates.items())
            )
        else:
            found[name] = "yes" if part is True else str(part)
    return found


def say(demand: Demand) -> str:
    """A demand in the words of the policy file.

    >>> say(Demand(aal=2, max_age=300, bound=True))
    'aal2 max_age 300s bound'
    """
    if demand.deny:
        return "deny"
    words = [_LEVELS[demand.aal]]
    words += [f"max_age {demand.max_age}s"] if demand.max_age >= 0 else []
    words += ["bound"] if demand.bound else []
    words += ["recovery"] if demand.recovery else []
    words += [f"by {' or '.join(demand.methods)}"] if demand.methods else []
    return " ".join(words)
