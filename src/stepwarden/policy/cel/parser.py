"""Tokens to a syntax tree, by the grammar of the CEL specification, bounded in length and depth.

>>> parse("!new_device && actor_logins > 3").op
'&&'

    Expr      = Or ["?" Or ":" Expr]
    Or        = And {"||" And}
    And       = Relation {"&&" Relation}
    Relation  = Sum {("<" | "<=" | ">" | ">=" | "==" | "!=" | "in") Sum}
    Sum       = Product {("+" | "-") Product}
    Product   = Unary {("*" | "/" | "%") Unary}
    Unary     = Member | "!" {"!"} Member | "-" {"-"} Member
    Member    = Primary {"." Name "(" [Expr {"," Expr}] ")"}
    Primary   = Name | Name "(" [Expr {"," Expr}] ")" | "(" Expr ")"
              | "[" [Expr {"," Expr} [","]] "]" | constant

An even number of ``!`` or ``-`` is no operator at all, as in cel-cpp.
"""

from collections.abc import Callable
from typing import cast

from stepwarden.errors import PolicyError
from stepwarden.policy.cel.syntax import (
    Binary,
    BinaryOp,
    Call,
    Choice,
    Constant,
    Expr,
    ListOf,
    Logic,
    LogicOp,
    Name,
    Unary,
    UnaryOp,
)
from stepwarden.policy.cel.tokens import INT_MAX, Token, fault, tokens

MAX_LENGTH = 2_000
MAX_DEPTH = 24
_RELATIONS = ("<", "<=", ">", ">=", "==", "!=", "in")


def parse(text: str) -> Expr:
    """The tree of an expression.

    Raises:
        PolicyError: not an expression of the subset, too long or too deep; line 1, column in the expression.
    """
    if len(text) > MAX_LENGTH:
        raise PolicyError(f"an expression has at most {MAX_LENGTH} characters", line=1, column=MAX_LENGTH)
    reader = _Parser(tokens(text))
    tree = reader.expr()
    reader.end()
    return tree


def _shown(token: Token) -> str:
    return "the end" if token.kind == "end" else repr(token.value)


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._next = 0
        self._open = 0

    def expr(self) -> Expr:
        self._open += 1
        if self._open > MAX_DEPTH:
            raise fault("nested too deeply", self._peek().at)
        condition = self._logic("||", lambda: self._logic("&&", self._relation))
        if (sign := self._take("?")) is None:
            self._open -= 1
            return condition
        then = self._logic("||", lambda: self._logic("&&", self._relation))
        self._expect(":")
        otherwise = self.expr()
        self._open -= 1
        depth = self._above(sign.at, condition, then, otherwise)
        return Choice(at=sign.at, depth=depth, condition=condition, then=then, otherwise=otherwise)

    def end(self) -> None:
        token = self._peek()
        if token.kind != "end":
            word = str(token.value)
            hint = {"and": " ('and' is written &&)", "or": " ('or' is written ||)"}.get(word, "")
            raise fault(f"expected an operator or the end, found {word!r}{hint}", token.at)

    def _logic(self, op: LogicOp, below: Callable[[], Expr]) -> Expr:
        terms = [below()]
        at = self._peek().at
        while self._take(op):
            terms.append(below())
        if len(terms) == 1:
            return terms[0]
        return Logic(at=at, depth=self._above(at, *terms), op=op, terms=tuple(terms))

    def _relation(self) -> Expr:
        return self._binary(_RELATIONS, self._sum)

    def _sum(self) -> Expr:
        return self._binary(("+", "-"), self._product)

    def _product(self) -> Expr:
        return self._binary(("*", "/", "%"), self._unary)

    def _binary(self, ops: tuple[str, ...], below: Callable[[], Expr]) -> Expr:
        left = below()
        while sign := self._take(*ops):
            right = below()
            depth = self._above(sign.at, left, right)
            left = Binary(at=sign.at, depth=depth, op=cast(BinaryOp, sign.value), left=left, right=right)
        return left

    def _unary(self) -> Expr:
        sign = self._take("!", "-")
        if sign is None:
            return self._member()
        op = cast(UnaryOp, sign.value)
        count = 1
        while self._take(op):
            count += 1
        # One minus sign and a number are one constant: the smallest number has no positive twin.
        if op == "-" and count == 1 and self._peek().kind == "int":
            number = self._advance()
            return self._calls(Constant(at=sign.at, depth=1, value=-cast(int, number.value)))
        of = self._member()
        return of if count % 2 == 0 else Unary(at=sign.at, depth=self._above(sign.at, of), op=op, of=of)

    def _member(self) -> Expr:
        return self._calls(self._primary())

    def _calls(self, receiver: Expr) -> Expr:
        while self._take("."):
            name = self._advance()
            if name.kind != "name" or not self._take("("):
                raise fault("expected a function after '.'; signals have no fields", name.at)
            args = (receiver, *self._list(")"))
            receiver = Call(
                at=name.at, depth=self._above(name.at, *args), function=f".{name.value}", args=args
            )
        if token := self._take("["):
            raise fault("indexing is not part of the subset", token.at)
        return receiver

    def _primary(self) -> Expr:
        token = self._advance()
        if token.kind == "int":
            if cast(int, token.value) > INT_MAX:
                raise fault("the number does not fit into 64 bits", token.at)
            return Constant(at=token.at, depth=1, value=token.value)
        if token.kind == "text":
            return Constant(at=token.at, depth=1, value=token.value)
        if token.kind == "name":
            return self._named(token)
        if token.value == "(":
            inner = self.expr()
            self._expect(")")
            return inner
        if token.value == "[":
            items = self._list("]")
            return ListOf(at=token.at, depth=self._above(token.at, *items), items=items)
        raise fault(f"expected a value, found {_shown(token)}", token.at)

    def _named(self, token: Token) -> Expr:
        word = str(token.value)
        if word in ("true", "false"):
            return Constant(at=token.at, depth=1, value=word == "true")
        if self._take("("):
            args = self._list(")")
            return Call(at=token.at, depth=self._above(token.at, *args), function=word, args=args)
        return Name(at=token.at, depth=1, name=word)

    def _list(self, closing: str) -> tuple[Expr, ...]:
        items: list[Expr] = []
        while not self._take(closing):
            items.append(self.expr())
            if self._take(closing):
                break
            self._expect(",")
            if closing == ")" and (token := self._take(closing)):
                raise fault("expected another argument", token.at)
        return tuple(items)

    def _above(self, at: int, *below: Expr) -> int:
        depth = 1 + max((node.depth for node in below), default=0)
        if depth > MAX_DEPTH:
            raise fault("nested too deeply", at)
        return depth

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _advance(self) -> Token:
        token = self._tokens[self._next]
        if token.kind != "end":
            self._next += 1
        return token

    def _take(self, *ops: str) -> Token | None:
        token = self._tokens[self._next]
        if token.kind != "op" or token.value not in ops:
            return None
        self._next += 1
        return token

    def _expect(self, op: str) -> None:
        if self._take(op) is None:
            token = self._peek()
            raise fault(f"expected {op!r}, found {_shown(token)}", token.at)
