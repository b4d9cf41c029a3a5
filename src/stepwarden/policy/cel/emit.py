"""All rules of a policy as one Python function, and each rule again as a function of its own.

The one function is the fast way: plain ``and``/``or``, no handling of errors. If anything in it raises, the
answer is thrown away and the exact functions are asked, one rule at a time, with CEL's absorption of errors
(``1/0 == 1 && false`` is false). Where nothing raises, the two agree: Python's short cut only skips what
cannot change the result.

For ``a > 3 && b`` (weight 1200, ``a`` at 0 and ``b`` at 1) and ``a in [1, 2]`` (weight -300, demands):

    def rules(V, F, N, S):
        s0 = V[0]
        score = 0
        hits = []
        demands = ()
        if ((s0 > 3) and V[1]):
            score += 1200
            hits.append(E0)
        if (s0 in (1, 2)):
            score += -300
            hits.append(E1)
            demands += (D1,)
        return score, hits, demands

A graded clause (``of: c``, weight 500, between 0 and 2000) adds a term that is worked out, and no evidence if it is 0:

        if V[1]:
            t = 500 * V[2] // 1000
            if t > 2000:
                t = 2000
            elif t < 0:
                t = 0
            score += t
            if t:
                hits.append(evidence('a-rule', t))

``V`` are the signals' values by position, ``F`` the facts, ``N`` the action's sensitivity, ``S`` the
standing's assurance level. No text of the policy's author gets into the source other than through ``repr``
of an int, a bool or a str; the finished source is read once more and refused if it holds anything but the
constructs above.
"""

import ast
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from stepwarden.events.entries import Demand, Evidence
from stepwarden.events.facts import Facts
from stepwarden.policy.cel import runtime
from stepwarden.policy.cel.regex import compile_pattern
from stepwarden.policy.cel.syntax import Binary, Call, Choice, Constant, Expr, ListOf, Logic, Name, Unary

Values = Sequence[int | bool | str]
Outcome = tuple[int, list[Evidence], tuple[Demand, ...]]
AllRules = Callable[[Values, Facts, int, int], Outcome]
OneRule = Callable[[Values, Facts, int, int], Any]

FACTS = ("action", "country", "asn", "address_kind", "browser", "os", "device_type")
_ARITHMETIC = {"+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod"}
_HELPERS: Mapping[str, Any] = {
    name: getattr(runtime, name) for name in ("add", "sub", "mul", "div", "mod", "neg", "every", "some")
}
_ALLOWED = (
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.AugAssign,
    ast.If, ast.Expr, ast.Name, ast.Load, ast.Store, ast.Constant, ast.Attribute, ast.Subscript,
    ast.Call, ast.Lambda, ast.IfExp, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub,
    ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.BinOp, ast.Add,
    ast.Mult, ast.FloorDiv, ast.Tuple, ast.List,
)  # fmt: skip
_METHODS = frozenset((*FACTS, "outcome", "startswith", "endswith", "append"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One rule as the generated code needs it. Graded if it has an ``amount``: see ``graded``."""

    condition: Expr
    weight: int
    evidence: Evidence
    demand: Demand | None
    amount: Expr | None = None
    least: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """``rules`` answers for all clauses at once or raises; ``exact[i]`` gives the truth of one, or raises.

    ``amounts[i]`` gives the amount of a graded one, or raises.
    """

    rules: AllRules
    exact: tuple[OneRule, ...]
    amounts: tuple[OneRule | None, ...]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the signals stand in the values, and which of them are texts; which texts the facts have."""

    positions: Mapping[str, int]
    texts: frozenset[str] = frozenset()
    facts: tuple[str, ...] = FACTS


def graded(weight: int, amount: int, least: int, most: int) -> int:
    """The term of a graded rule: ``weight`` for every 1000 of ``amount``, rounded down, from ``least`` to ``most``.

    >>> graded(1500, 700, 0, 2000), graded(1500, -7, -5, 0), graded(-1, 1, -5, 0)
    (1050, -5, -1)
    """
    return min(most, max(least, weight * amount // 1000))


def compile_expression(condition: Expr, layout: Layout, *, exact: bool = True) -> OneRule:
    """One expression with exact semantics: gives its value, or raises. Not ``exact``: may raise where it has one."""
    writer = _Writer(layout, {}, exact=exact)
    source = f"def rule(V, F, N, S):\n    return {writer.write(condition)}\n"
    found: OneRule = _run(source, writer.constants)["rule"]
    return found


def compile_rules(clauses: Sequence[Clause], layout: Layout) -> Program:
    """All clauses; their conditions must have been checked to be bool over these names."""
    uses: Counter[str] = Counter()
    for clause in clauses:
        uses.update(names_in(clause.condition))
        if clause.amount is not None:
            uses.update(names_in(clause.amount))
    shared = {name: f"s{number}" for number, name in enumerate(sorted(n for n in uses if uses[n] > 1))}
    plain = _Writer(layout, {}, exact=False)
    writer = _Writer(layout, shared, exact=False)
    lines = ["def rules(V, F, N, S):"]
    lines += [f"    {short} = {plain.variable(name)}" for name, short in shared.items()]
    lines += ["    score = 0", "    hits = []", "    demands = ()"]
    for number, clause in enumerate(clauses):
        lines.append(f"    if {writer.write(clause.condition)}:")
        if clause.amount is not None:
            lines += _graded_lines(clause, writer.write(clause.amount))
        else:
            lines.append(f"        score += {clause.weight!r}")
            lines.append(f"        hits.append(E{number})")
        if clause.demand is not None:
            lines.append(f"        demands += (D{number},)")
    lines.append("    return score, hits, demands")
    source = "\n".join(lines) + "\n"
    constants = writer.constants | {"evidence": Evidence}
    constants |= {f"E{number}": clause.evidence for number, clause in enumerate(clauses)}
    constants |= {f"D{number}": clause.demand for number, clause in enumerate(clauses)}
    return Program(
        rules=_run(source, constants)["rules"],
        exact=tuple(compile_expression(clause.condition, layout) for clause in clauses),
        amounts=tuple(
            None if clause.amount is None else compile_expression(clause.amount, layout) for clause in clauses
        ),
        source=source,
    )


def _graded_lines(clause: Clause, amount: str) -> list[str]:
    """``graded`` written out: a call would cost more than all of it. Who demands something is always evidence."""
    append = f"hits.append(evidence({clause.evidence.rule!r}, t))"
    return [
        f"        t = {clause.weight!r} * {amount} // 1000",
        f"        if t > {clause.most!r}:",
        f"            t = {clause.most!r}",
        f"        elif t < {clause.least!r}:",
        f"            t = {clause.least!r}",
        "        score += t",
        f"        {append}" if clause.demand is not None else f"        if t:\n            {append}",
    ]


def names_in(node: Expr) -> list[str]:
    """Every name in an expression, as often as it stands there."""
    match node:
        case Constant():
            return []
        case Name():
            return [node.name]
        case ListOf():
            below = node.items
        case Unary():
            below = (node.of,)
        case Binary():
            below = (node.left, node.right)
        case Logic():
            below = node.terms
        case Choice():
            below = (node.condition, node.then, node.otherwise)
        case Call():
            below = node.args
        case _:
            assert_never(node)
    return [name for child in below for name in names_in(child)]


class _Writer:
    """Writes expressions. ``constants`` collects what the source refers to by name (compiled patterns)."""

    def __init__(self, layout: Layout, shared: Mapping[str, str], *, exact: bool) -> None:
        self._positions = layout.positions
        self._facts = layout.facts
        self._texts = layout.texts.union(layout.facts)
        self._shared = shared
        self._exact = exact
        self.constants: dict[str, Any] = {}

    def variable(self, name: str) -> str:
        if name in self._shared:
            return self._shared[name]
        if name in self._positions:
            return f"V[{self._positions[name]:d}]"
        if name in self._facts:
            return f"F.{name}"
        return {"sensitivity": "N", "standing_aal": "S"}[name]

    def write(self, node: Expr) -> str:
        match node:
            case Constant():
                return repr(node.value)
            case Name():
                return self.variable(node.name)
            case ListOf():
                return f"({''.join(self.write(item) + ', ' for item in node.items)})"
            case Unary():
                inner = self.write(node.of)
                return f"(not {inner})" if node.op == "!" else f"neg({inner})"
            case Binary():
                return self._binary(node)
            case Logic():
                return self._logic(node)
            case Choice():
                condition, then = self.write(node.condition), self.write(node.then)
                return f"({then} if {condition} else {self.write(node.otherwise)})"
            case Call():
                return self._call(node)
            case _:
                assert_never(node)

    def _binary(self, node: Binary) -> str:
        left, right = self.write(node.left), self.write(node.right)
        if node.op in _ARITHMETIC and not self._is_text(node):
            return f"{_ARITHMETIC[node.op]}({left}, {right})"
        return f"({left} {node.op} {right})"

    def _is_text(self, node: Expr) -> bool:
        """Whether a sum joins texts; types are known to be right, so its leftmost leaf tells."""
        while isinstance(node, Binary | Choice):
            node = node.left if isinstance(node, Binary) else node.then
        if isinstance(node, Name):
            return node.name in self._texts
        return isinstance(node, Constant) and isinstance(node.value, str)

    def _logic(self, node: Logic) -> str:
        terms = [self.write(term) for term in node.terms]
        if self._exact:
            helper = "every" if node.op == "&&" else "some"
            return f"{helper}({', '.join(f'lambda: {term}' for term in terms)})"
        return f"({(' and ' if node.op == '&&' else ' or ').join(terms)})"

    def _call(self, node: Call) -> str:
        args = [self.write(arg) for arg in node.args]
        match node.function:
            case ".startsWith":
                return f"{args[0]}.startswith({args[1]})"
            case ".endsWith":
                return f"{args[0]}.endswith({args[1]})"
            case ".contains":
                return f"({args[1]} in {args[0]})"
            case ".size" | "size":
                self.constants["size"] = len
                return f"size({args[0]})"
            case _:
                pattern = node.args[1]
                assert isinstance(pattern, Constant)  # noqa: S101 - ``check`` has made sure
                name = f"P{len(self.constants)}"
                self.constants[name] = compile_pattern(str(pattern.value))
                return f"{name}({args[0]})"


def _run(source: str, constants: Mapping[str, Any]) -> dict[str, Any]:
    tree = ast.parse(source)
    for found in ast.walk(tree):
        if not isinstance(found, _ALLOWED):
            raise ValueError(f"generated code may not hold {type(found).__name__}")
        if isinstance(found, ast.Attribute) and found.attr not in _METHODS:
            raise ValueError(f"generated code may not touch {found.attr}")
    space: dict[str, Any] = {"__builtins__": {}, **_HELPERS, **constants}
    exec(compile(tree, "<policy>", "exec"), space)  # noqa: S102 - closed list of constructs, checked above
    return space
