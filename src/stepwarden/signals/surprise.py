"""How surprising a sign-in is: the likelihood ratio of Freeman et al., "Who Are You?" (NDSS 2016), equation 7.

For a person u and an attempt with features x, S = p(u|A) / p(u|L) * product over the features of p(x) / p(x|u): how
much rather somebody picked at random would come from such a place, with such an agent, than this person would. Here
it is a logarithm, in thousandths of a nat, one part for the place, one for the agent, and one for the person.

Everything is counted in days: a value counts once for each person and UTC day on which an attempt with it ended well
(``habits``). N is the sum of the counts of one kind, c that of one value.

- Back-off, so that another address of one's own provider is less than a new country: p(x) is the weighted sum of the
  shares of address .6, autonomous system .3, country .1; of agent .539, browser .268, system .188, type .005.
- Smoothing, of the finest kind of all people only: M = 1 + the number of different values of each coarser kind; a
  value that was seen has c / (N + M), which is c/N * (1 - M / (N + M)), times c / (c + m), m = 1 + the coarser kinds
  (each value belongs to one value of those); one that nobody had has 1 / (N + M).
- What this person never had (p(x|u) = 0) stands at a quarter of everybody's share. Smoothing both sides would make a
  sign-in that is new in everything look safe; this way it is at least ln 4 each.
- p(u|A) = 1/|U|, p(u|L) = n_u / N: everybody is attacked alike, and who comes often is more likely to come. n_u are
  the days on which this person came, N those of all.

So much is the reference of Wiefling et al. (TOPS 2022, ``das-group/rba-algorithm``), with days for its sign-ins. Cold
start is ours: the reference has no answer before the first sign-in, and swings wildly over the next ones. After n < 4
sign-ins each share of the person's own is n/4 of theirs and 1 - n/4 of everybody's. Without any this says nothing
(0), and after three what is new stands at a quarter of everybody's share, where it stays: there is no step.

``Population`` is what everybody had, from attempts that ended well alone: failed ones, however many, change nothing.
It is bounded: of each kind the values that were not seen for longest are forgotten, and count from then on as never
seen, while N remains.

>>> from stepwarden.events.facts import Facts
>>> from stepwarden.signals.habits import marks
>>> everybody = Population(limit=1_000)
>>> ann, bob = Habit(), Habit()
>>> home = marks(Facts(time=0, action="login", address="a1", asn="AS1", country="NO", browser="Firefox"))
>>> for day in range(9):
...     for person in (ann, bob):
...         everybody.learn(person, home, day * 86_400)
>>> everybody.surprise(ann, home)
(-173, -196, -369)
>>> away = marks(Facts(time=0, action="login", address="a2", asn="AS2", country="SE", browser="Firefox"))
>>> everybody.surprise(ann, away)
(1386, -196, 1190)

Not here: what a surprise weighs (the policy).
"""

from typing import Final

from stepwarden.signals.habits import Habit
from stepwarden.signals.logarithm import thousandths
from stepwarden.signals.records import Table

COLD: Final = 3
"""Sign-ins up to which a person's own habits do not stand alone."""
ADDRESS, ASN, COUNTRY = 0.6, 0.3, 0.1
AGENT, BROWSER, SYSTEM, DEVICE_TYPE = (
    0.5386653840551359,
    0.2680451498625666,
    0.18818295100109536,
    0.0051065150812021525,
)
"""Weights of the finest kind and of the coarser ones, as the reference has them."""
UNSEEN_SHARE: Final = 0.25
COUNTED: Final = "ASCUBOT"
"""The kinds that count, by letter: address, system, country; agent, browser, operating system, type of device."""
Surprise = tuple[int, int, int]
NO_SURPRISE: Final = (0, 0, 0)


class Population:
    """On how many days each value was seen with how many people: at most ``limit`` values of each kind.

    ``people`` were seen, on ``days`` days of theirs together.
    """

    __slots__ = ("days", "kinds", "people", "totals")

    def __init__(self, limit: int) -> None:
        self.days = 0
        self.people = 0
        self.kinds: dict[str, Table[int]] = {letter: Table(limit, int) for letter in COUNTED}
        self.totals = dict.fromkeys(COUNTED, 0)

    def learn(self, habit: Habit, seen: str, second: int) -> None:
        """An attempt with the marks ``seen`` ended well: ``habit`` takes it in, and what is new in their day counts
        for everybody."""
        days = habit.days
        fresh = habit.learn(seen, second)
        if habit.days != days:
            self.days += 1
            self.people += not days
        for part in fresh:
            table = self.kinds.get(part[:1])
            if table is not None:
                table.put(part, table.items.get(part, 0) + 1)
                self.totals[part[:1]] += 1

    def limit(self, limit: int) -> None:
        for table in self.kinds.values():
            table.limit = limit
            table.shrink(limit)

    def surprise(self, habit: Habit, seen: str) -> Surprise:
        """Of the place, of the agent, and of the whole, for an attempt of ``habit``'s with the marks ``seen``."""
        (_, a, _, c, s, u, b, o, t), (_, of_a, _, of_c, of_s, of_u, of_b, of_o, of_t) = habit.counted(seen)
        _, address, _, country, asn, agent, browser, system, device_type = seen[1:-1].split("\n")
        own = 1.0 if habit.logins > COLD else habit.logins / (COLD + 1)
        place = _surprise(
            ADDRESS * self._finest(address, "SC")
            + ASN * self._coarser(asn)
            + COUNTRY * self._coarser(country),
            ADDRESS * a / of_a + ASN * s / of_s + COUNTRY * c / of_c,
            own,
        )
        tool = _surprise(
            AGENT * self._finest(agent, "BOT")
            + BROWSER * self._coarser(browser)
            + SYSTEM * self._coarser(system)
            + DEVICE_TYPE * self._coarser(device_type),
            AGENT * u / of_u + BROWSER * b / of_b + SYSTEM * o / of_o + DEVICE_TYPE * t / of_t,
            own,
        )
        usual = self.days / self.people
        return place, tool, place + tool + _surprise(usual, float(habit.days), own)

    def _finest(self, part: str, coarser: str) -> float:
        """The smoothed share of this value among those of its kind."""
        count = self.kinds[part[0]].items.get(part, 0)
        unseen = 1
        for letter in coarser:
            unseen += len(self.kinds[letter].items)
        room = self.totals[part[0]] + unseen
        return count / room * (count / (count + 1 + len(coarser))) if count else 1.0 / room

    def _coarser(self, part: str) -> float:
        return self.kinds[part[0]].items.get(part, 0) / self.totals[part[0]]


def _surprise(everybody: float, mine: float, own: float) -> int:
    """How far everybody's share is above mine, of which ``own`` (0..1) is believed."""
    found = own * mine + (1.0 - own) * everybody
    return thousandths(everybody / (found or UNSEEN_SHARE * everybody))
