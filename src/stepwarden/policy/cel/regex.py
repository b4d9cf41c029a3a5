"""Patterns for ``matches``: a subset of RE2's syntax, run by an automaton, in time linear in the text.
Always.

>>> pattern = compile_pattern(r"^(curl|python)[-/][0-9]+")
>>> pattern("curl/8"), pattern("Mozilla/5.0")
(True, False)

As in RE2 a pattern may match anywhere in the text unless it is anchored. Known are: characters, ``.`` (all
but a newline), ``[a-z]`` and ``[^a-z]``, ``\\d \\w \\s`` and their opposites (ASCII), ``\\`` before
punctuation, ``\\n \\r \\t \\f \\v``, ``^`` and ``$`` (start and end of the text), ``|``, ``( )`` and ``(?:
)``, ``* + ?`` and ``{m}``, ``{m,}``, ``{m,n}`` (at most 50). Not known: everything else, which is refused
by name; among it flags, lazy quantifiers, classes in classes, back-references and look-around.

Why not ``re``: it backtracks, so a pattern can take time exponential in a text that an attacker writes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from stepwarden.policy.cel.tokens import fault

MAX_PATTERN = 200
MAX_STATES = 1_000
MAX_REPEAT = 50
MAX_MEMORY = 512
_TOP = 0x10FFFF
_SPECIAL = frozenset("\\.+*?()|[]{}^$")
_CLASSES = {
    "d": ((48, 57),),
    "w": ((48, 57), (65, 90), (95, 95), (97, 122)),
    "s": ((9, 10), (12, 13), (32, 32)),
}
_CONTROL = {"n": 10, "r": 13, "t": 9, "f": 12, "v": 11}

Ranges = tuple[tuple[int, int], ...]


@dataclass(slots=True)
class _State:
    """One state: reads a character of ``ranges`` and goes to ``then``, or goes there freely.

    ``only``: may be passed only at the start (``^``) or at the end (``$``) of the text.
    """

    ranges: Ranges = ()
    then: int = -1
    free: list[int] = field(default_factory=list)
    only: str = ""


def _opposite(ranges: Ranges) -> Ranges:
    found, start = [], 0
    for low, high in sorted(ranges):
        if low > start:
            found.append((start, low - 1))
        start = max(start, high + 1)
    if start <= _TOP:
        found.append((start, _TOP))
    return tuple(found)


class _Builder:
    """Reads a pattern and builds Thompson's automaton. A fragment is (first state, last state)."""

    def __init__(self, pattern: str, at: int) -> None:
        self._text = pattern
        self._here = 0
        self._at = at
        self._depth = 0
        self.states: list[_State] = []

    def build(self) -> tuple[int, int]:
        fragment = self._choice()
        if self._here < len(self._text):
            raise self._fault("this parenthesis was never opened")
        return fragment

    def _fault(self, message: str) -> Exception:
        return fault(f"pattern, character {self._here + 1}: {message}", self._at)

    def _state(self, ranges: Ranges = (), only: str = "") -> int:
        if len(self.states) >= MAX_STATES:
            raise self._fault("the pattern is too big")
        self.states.append(_State(ranges=ranges, only=only))
        return len(self.states) - 1

    def _peek(self) -> str:
        return self._text[self._here : self._here + 1]

    def _choice(self) -> tuple[int, int]:
        self._depth += 1
        if self._depth > 20:
            raise self._fault("nested too deeply")
        first, last = self._state(), self._state()
        while True:
            start, end = self._sequence()
            self.states[first].free.append(start)
            self.states[end].free.append(last)
            if self._peek() != "|":
                self._depth -= 1
                return first, last
            self._here += 1

    def _sequence(self) -> tuple[int, int]:
        first = last = self._state()
        while self._peek() not in ("", "|", ")"):
            start, end = self._repeated()
            self.states[last].free.append(start)
            last = end
        return first, last

    def _repeated(self) -> tuple[int, int]:
        begin = self._here
        fragment = self._atom()
        low, high = self._count()
        if (low, high) == (1, 1):
            return fragment
        if self._text[begin] in "^$":
            raise self._fault("an anchor cannot be repeated")
        if self._peek() in ("*", "+", "?", "{") and self._peek():
            raise self._fault("one quantifier after another")
        return self._copies(begin, low, high)

    def _copies(self, begin: int, low: int, high: int) -> tuple[int, int]:
        """``low`` copies that must be there, then optional ones, or a loop where ``high`` is -1."""
        after, depth = self._here, self._depth
        first = last = self._state()
        for number in range(max(low, high, 1)):
            self._here, self._depth = begin, depth
            start, end = self._atom()
            # A state between the copies, so that an optional one can be stepped over.
            gate, beyond = self._state(), self._state()
            self.states[last].free.append(gate)
            self.states[gate].free.append(start)
            self.states[end].free.append(beyond)
            if number >= low:
                self.states[gate].free.append(beyond)
            if high == -1 and number == max(low, 1) - 1:
                self.states[beyond].free.append(gate)
            last = beyond
        if high == 0:
            # {0} and {0,0}: nothing at all.
            last = first
            self.states[first].free.clear()
        self._here = after
        return first, last

    def _count(self) -> tuple[int, int]:
        sign = self._peek()
        if sign and sign in "*+?":
            self._here += 1
            return {"*": (0, -1), "+": (1, -1), "?": (0, 1)}[sign]
        if sign != "{":
            return 1, 1
        close = self._text.find("}", self._here)
        low, comma, high = self._text[self._here + 1 : max(close, self._here + 1)].partition(",")
        if not (low.isascii() and low.isdigit() and (not high or (high.isascii() and high.isdigit()))):
            raise self._fault("expected {m}, {m,} or {m,n}; a brace itself is written \\{")
        if len(low) > 2 or len(high) > 2:
            raise self._fault(f"at most {MAX_REPEAT} repetitions")
        least = int(low)
        most = (int(high) if high else -1) if comma else least
        if max(least, most) > MAX_REPEAT or (most != -1 and most < least):
            raise self._fault(f"at most {MAX_REPEAT} repetitions, and the smaller number first")
        self._here = close + 1
        return least, most

    def _atom(self) -> tuple[int, int]:
        sign = self._peek()
        if sign == "(":
            return self._group()
        if sign in ("*", "+", "?", "{"):
            raise self._fault("nothing to repeat")
        if sign in ("]", "}"):
            raise self._fault(f"a {sign} by itself is written \\{sign}")
        if sign in ("^", "$"):
            self._here += 1
            first, last = self._state(only=sign), self._state()
            self.states[first].free.append(last)
            return first, last
        return self._one(self._ranges())

    def _group(self) -> tuple[int, int]:
        self._here += 1
        if self._peek() == "?":
            if not self._text.startswith("?:", self._here):
                raise self._fault("of the groups that start with (? only (?: is known")
            self._here += 2
        fragment = self._choice()
        if self._peek() != ")":
            raise self._fault("expected )")
        self._here += 1
        return fragment

    def _one(self, ranges: Ranges) -> tuple[int, int]:
        first, last = self._state(ranges), self._state()
        self.states[first].then = last
        return first, last

    def _ranges(self) -> Ranges:
        sign = self._peek()
        self._here += 1
        if sign == ".":
            return _opposite(((10, 10),))
        if sign == "[":
            return self._class()
        if sign == "\\":
            return self._escape()
        return ((ord(sign), ord(sign)),)

    def _escape(self) -> Ranges:
        letter = self._peek()
        self._here += 1
        if letter.lower() in _CLASSES:
            ranges = _CLASSES[letter.lower()]
            return ranges if letter.islower() else _opposite(ranges)
        if letter in _CONTROL:
            return ((_CONTROL[letter], _CONTROL[letter]),)
        if letter and letter.isascii() and not letter.isalnum() and letter.isprintable():
            return ((ord(letter), ord(letter)),)
        raise self._fault(f"\\{letter} is not known")

    def _class(self) -> Ranges:
        """What stands after ``[``, up to and with the ``]``."""
        negated = self._peek() == "^"
        self._here += negated
        found: list[tuple[int, int]] = []
        while self._peek() != "]":
            low = self._member()
            if self._peek() == "-" and self._text[self._here + 1 : self._here + 2] not in ("]", ""):
                self._here += 1
                high = self._member()
                if len(low) > 1 or len(high) > 1 or low[0][0] != low[0][1] or high[0][0] < low[0][0]:
                    raise self._fault("not a range of characters")
                if high[0][0] != high[0][1]:
                    raise self._fault("not a range of characters")
                low = ((low[0][0], high[0][0]),)
            found.extend(low)
        self._here += 1
        if not found:
            raise self._fault("an empty class; a ] itself is written \\]")
        return _opposite(tuple(found)) if negated else tuple(found)

    def _member(self) -> Ranges:
        sign = self._peek()
        if not sign:
            raise self._fault("expected ]")
        if sign == "[":
            raise self._fault("a [ in a class is written \\[")
        self._here += 1
        return self._escape() if sign == "\\" else ((ord(sign), ord(sign)),)


class _Matcher:
    """Runs the automaton on sets of states, and remembers what a set does on a character (a lazy DFA)."""

    def __init__(self, states: list[_State], first: int, last: int) -> None:
        self._states = states
        self._first, self._last = first, last
        self._memory: dict[tuple[frozenset[int], str], frozenset[int]] = {}
        self._begin = self._reach([first], start=True)

    def __call__(self, text: str) -> bool:
        here = self._begin
        memory = self._memory
        for char in text:
            if self._last in here:
                return True
            after = memory.get((here, char))
            if after is None:
                after = self._step(here, char)
            here = after
        return self._last in here or self._last in self._reach(list(here), start=not text, end=True)

    def _step(self, here: frozenset[int], char: str) -> frozenset[int]:
        code = ord(char)
        moved = [
            state.then
            for state in (self._states[number] for number in here)
            if any(low <= code <= high for low, high in state.ranges)
        ]
        # A match may begin at every character: the first state is always there again.
        after = self._reach([*moved, self._first])
        if len(self._memory) >= MAX_MEMORY:
            self._memory.clear()
        self._memory[here, char] = after
        return after

    def _reach(self, numbers: list[int], *, start: bool = False, end: bool = False) -> frozenset[int]:
        """All states that can be reached without reading; anchors that hold not are kept, not passed."""
        found: set[int] = set()
        while numbers:
            number = numbers.pop()
            if number in found:
                continue
            found.add(number)
            state = self._states[number]
            if state.only == "^" and not start:
                continue
            if state.only == "$" and not end:
                continue
            numbers.extend(state.free)
        return frozenset(found)


def compile_pattern(pattern: str, *, at: int = 0) -> Callable[[str], bool]:
    """A function that says whether the pattern is found in a text.

    Raises:
        PolicyError: not a pattern of the subset; line 1, and the column of ``at``.
    """
    if len(pattern) > MAX_PATTERN:
        raise fault(f"a pattern has at most {MAX_PATTERN} characters", at)
    builder = _Builder(pattern, at)
    first, last = builder.build()
    return _Matcher(builder.states, first, last)
