"""A policy file with other numbers in it, and everything else as it was: comments, order, spelling.

>>> from stepwarden.policy.loader import MINIMAL
>>> rewrite(MINIMAL, weights={"new-device": 2345}, prior=-3100, bands=[150_000]).splitlines()[2]
'prior: -3.1'

What comes out is loaded again and must differ in nothing but these numbers. Not here: which numbers (``propose``).
"""

from collections.abc import Mapping, Sequence

from stepwarden.errors import PolicyError
from stepwarden.policy.document import Listing, Node, Scalar, Table, parse
from stepwarden.policy.loader import load


def rewrite(
    text: str,
    *,
    weights: Mapping[str, int] | None = None,
    prior: int | None = None,
    bands: Sequence[int] | None = None,
    graded: Mapping[str, tuple[int, int]] | None = None,
) -> str:
    """The text of ``text``'s policy with these weights (thousandths of a nat, by rule), prior and bands' risks (ppm).

    ``graded``: new ``least`` and ``most`` of rules that have them.

    Raises:
        PolicyError: the text is no policy, names no such rule, or would not be one with these numbers.
    """
    root = parse(text)
    if not isinstance(root, Table):
        raise PolicyError("a policy is a table")
    changes: list[tuple[Scalar, str]] = []
    if prior is not None:
        changes.append((_scalar(root, "prior"), decimal(prior, 3)))
    changes += _weights(_listing(root, "rules"), weights or {}, graded or {})
    if bands is not None:
        places = _listing(root, "bands")
        if len(places) != len(bands):
            raise PolicyError(f"the policy has {len(places)} bands, not {len(bands)}")
        changes += [
            (_scalar(place, "risk"), decimal(risk, 6)) for place, risk in zip(places, bands, strict=True)
        ]
    changed = _changed(text, changes)
    load(changed)
    return changed


def decimal(value: int, places: int) -> str:
    """An integer of ``10 ** -places`` as a decimal, without zeros at its end.

    >>> decimal(-2700, 3), decimal(50, 3), decimal(200_000, 6), decimal(0, 3)
    ('-2.7', '0.05', '0.2', '0')
    """
    whole, part = divmod(abs(value), 10**places)
    digits = f"{part:0{places}d}".rstrip("0")
    return f"{'-' if value < 0 else ''}{whole}{'.' + digits if digits else ''}"


def _weights(
    rules: Sequence[Table], weights: Mapping[str, int], graded: Mapping[str, tuple[int, int]]
) -> list[tuple[Scalar, str]]:
    places = {_scalar(rule, "id").text: rule for rule in rules}
    unknown = [name for name in (*weights, *graded) if name not in places]
    if unknown:
        raise PolicyError(f"the policy has no rule {unknown[0]!r}")
    found = [(_scalar(places[name], "weight"), decimal(weight, 3)) for name, weight in weights.items()]
    for name, bounds in graded.items():
        for key, bound in zip(("least", "most"), bounds, strict=True):
            if any(known.text == key for known, _ in places[name].items):
                found.append((_scalar(places[name], key), decimal(bound, 3)))
    return found


def _changed(text: str, changes: list[tuple[Scalar, str]]) -> str:
    """Replace from the end, so that what comes before keeps its place."""
    for scalar, new in sorted(changes, key=lambda change: -change[0].index):
        start = scalar.index + (1 if scalar.style in ("'", '"') else 0)
        if text[start : start + len(scalar.text)] != scalar.text:
            raise PolicyError(
                f"write the number {scalar.text!r} plainly, so that it can be replaced",
                line=scalar.line,
                column=scalar.column,
            )
        text = text[:start] + new + text[start + len(scalar.text) :]
    return text


def _get(table: Table, key: str) -> Node:
    for name, value in table.items:
        if name.text == key:
            return value
    raise PolicyError(f"{key!r} is missing", line=table.line, column=table.column)


def _scalar(table: Table, key: str) -> Scalar:
    found = _get(table, key)
    if not isinstance(found, Scalar):
        raise PolicyError(f"{key!r} must be one value", line=found.line, column=found.column)
    return found


def _listing(table: Table, key: str) -> list[Table]:
    found = _get(table, key)
    if not isinstance(found, Listing):
        raise PolicyError(f"{key!r} must be a list", line=found.line, column=found.column)
    return [item for item in found.items if isinstance(item, Table)]
