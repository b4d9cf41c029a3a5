"""The syntax tree of the subset: eight frozen node types, a closed union.

``at`` is the offset of the node in the expression's text (for an operator: of the operator itself), which is
where an error about it points. ``depth`` is the height of the tree below, bounded by the parser so that
nothing that walks a tree can run out of stack.
"""

from dataclasses import dataclass
from typing import Literal

UnaryOp = Literal["!", "-"]
BinaryOp = Literal["==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "%"]
LogicOp = Literal["&&", "||"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    at: int
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant(Node):
    value: int | bool | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Name(Node):
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf(Node):
    items: "tuple[Expr, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary(Node):
    op: UnaryOp
    of: "Expr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary(Node):
    op: BinaryOp
    left: "Expr"
    right: "Expr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Logic(Node):
    """``&&`` or ``||`` over two or more terms: both are associative, so a chain is one node."""

    op: LogicOp
    terms: "tuple[Expr, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Node):
    condition: "Expr"
    then: "Expr"
    otherwise: "Expr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Node):
    """A function with its arguments; the receiver of a method is the first."""

    function: str
    args: "tuple[Expr, ...]"


Expr = Constant | Name | ListOf | Unary | Binary | Logic | Choice | Call
