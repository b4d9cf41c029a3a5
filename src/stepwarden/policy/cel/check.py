"""Types: every expression has one, known before it runs. The errors say what was expected and point at the
place.

>>> from stepwarden.policy.cel.parser import parse
>>> check(parse("actor_failures_1h > 3"), {"actor_failures_1h": "int"})
'bool'

A type is ``int`` (64 bits, overflow is an error), ``bool``, ``string`` or a list of one of them; ``list()``
is the type of the empty list, which goes with every list.
"""

import difflib
from collections.abc import Mapping
from typing import Literal, assert_never

from stepwarden.policy.cel.regex import compile_pattern
from stepwarden.policy.cel.syntax import Binary, Call, Choice, Constant, Expr, ListOf, Logic, Name, Unary
from stepwarden.policy.cel.tokens import fault

Scalar = Literal["int", "bool", "string"]
Type = Literal["int", "bool", "string", "list(int)", "list(bool)", "list(string)", "list()"]

LISTS: Mapping[Type, Type] = {"int": "list(int)", "bool": "list(bool)", "string": "list(string)"}
FUNCTIONS: Mapping[str, str] = {
    ".startsWith": "text.startsWith(text)",
    ".endsWith": "text.endsWith(text)",
    ".contains": "text.contains(text)",
    ".matches": "text.matches('pattern')",
    "matches": "matches(text, 'pattern')",
    ".size": "text.size() or list.size()",
    "size": "size(text) or size(list)",
}
"""Every function of the subset, and how it is written. A leading dot: called on a value."""


def check(node: Expr, variables: Mapping[str, Scalar]) -> Type:
    """The type of an expression.

    Raises:
        PolicyError: an unknown name or function, or types that do not go together; line 1 and the column.
    """
    match node:
        case Constant(value=bool()):
            return "bool"
        case Constant(value=int()):
            return "int"
        case Constant():
            return "string"
        case Name():
            return _name(node, variables)
        case ListOf():
            return _list(node, variables)
        case Unary():
            return _unary(node, variables)
        case Binary():
            return _binary(node, variables)
        case Logic():
            for term in node.terms:
                _want("bool", check(term, variables), term, f"each side of {node.op}")
            return "bool"
        case Choice():
            return _choice(node, variables)
        case Call():
            return _call(node, variables)
        case _:
            assert_never(node)


def similar(word: str, known: Mapping[str, object]) -> str:
    """``; did you mean ...?`` where something close is known, else nothing."""
    close = difflib.get_close_matches(word, known, n=2, cutoff=0.6)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def _want(wanted: Type, found: Type, node: Expr, where: str) -> None:
    if found != wanted:
        raise fault(f"{where} must be {wanted}, and this is {found}", node.at)


def _name(node: Name, variables: Mapping[str, Scalar]) -> Type:
    found = variables.get(node.name)
    if found is None:
        raise fault(f"there is no signal {node.name!r}{similar(node.name, variables)}", node.at)
    return found


def _list(node: ListOf, variables: Mapping[str, Scalar]) -> Type:
    if not node.items:
        return "list()"
    first = check(node.items[0], variables)
    if first not in LISTS:
        raise fault("a list holds ints, bools or strings", node.items[0].at)
    for item in node.items[1:]:
        _want(first, check(item, variables), item, "every item of this list")
    return LISTS[first]


def _unary(node: Unary, variables: Mapping[str, Scalar]) -> Type:
    wanted: Type = "bool" if node.op == "!" else "int"
    _want(wanted, check(node.of, variables), node.of, f"what stands after {node.op}")
    return wanted


def _same(one: Type, two: Type) -> bool:
    return one == two or ("list()" in (one, two) and one.startswith("list") and two.startswith("list"))


def _binary(node: Binary, variables: Mapping[str, Scalar]) -> Type:
    left, right = check(node.left, variables), check(node.right, variables)
    if node.op in ("==", "!="):
        if not _same(left, right):
            raise fault(f"{left} and {right} are never equal: compare like with like", node.at)
        return "bool"
    if node.op == "in":
        if not right.startswith("list"):
            raise fault(f"expected a list after 'in', and this is {right}", node.right.at)
        if left not in LISTS or not _same(LISTS[left], right):
            raise fault(f"{left} cannot be in {right}", node.at)
        return "bool"
    if node.op in ("<", "<=", ">", ">="):
        if left != right or left not in LISTS:
            raise fault(f"{left} {node.op} {right}: only int, string or bool have an order", node.at)
        return "bool"
    if node.op == "+" and left == right == "string":
        return "string"
    if left != "int" or right != "int":
        raise fault(f"{left} {node.op} {right}: expected int on both sides", node.at)
    return "int"


def _choice(node: Choice, variables: Mapping[str, Scalar]) -> Type:
    _want("bool", check(node.condition, variables), node.condition, "what stands before ?")
    then, otherwise = check(node.then, variables), check(node.otherwise, variables)
    if not _same(then, otherwise):
        raise fault(f"both ways of ?: must have one type, and these are {then} and {otherwise}", node.at)
    return otherwise if then == "list()" else then


def _call(node: Call, variables: Mapping[str, Scalar]) -> Type:
    usage = FUNCTIONS.get(node.function)
    if usage is None:
        bare = node.function.lstrip(".")
        known = {name.lstrip("."): name for name in FUNCTIONS}
        hint = f"; it is written {FUNCTIONS[known[bare]]}" if bare in known else similar(bare, known)
        raise fault(f"there is no function {bare!r} like this{hint}", node.at)
    found = [check(arg, variables) for arg in node.args]
    if node.function.endswith("size"):
        if len(found) != 1 or found[0] in ("int", "bool"):
            raise fault(f"expected {usage}", node.at)
        return "int"
    if found != ["string", "string"]:
        raise fault(f"expected {usage}", node.at)
    if node.function.endswith("matches"):
        pattern = node.args[1]
        if not isinstance(pattern, Constant):
            raise fault("the pattern must be written out, so that it can be checked now", pattern.at)
        compile_pattern(str(pattern.value), at=pattern.at)
    return "bool"
