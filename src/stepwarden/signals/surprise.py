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

Ours is also that everybody's share p(x) is at least .02. Where nobody else comes from, one good attempt among forty
days' would make a place thirty times safer than usual; so it makes it no safer, and thirty days' among seventy not
quite as safe as the person's own. That bounds how safe anything looks at ln .02 = -3.9 each.

``Population`` is what everybody had, from attempts that ended well alone: failed ones, however many, change nothing.
It is bounded: of each kind the values that counted least are forgotten, the oldest first, and count from then on as
never seen, while N remains.

>>> from stepwarden.signals.habits import marks
>>> everybody = Population(limit=1_000)
>>> ann, bob = Habit(), Habit()
>>> home = Facts(time=0, action="login", address="a1", asn="AS1", country="NO", browser="Firefox")
>>> for day in range(9):
...     for person in (ann, bob):
...         everybody.learn(person, marks(home), day * 86_400)
>>> everybody.surprise(ann, home, ann.look(marks(home))[1])
(-174, -196, -370)
>>> away = Facts(time=0, action="login", address="a2", asn="AS2", country="SE", browser="Firefox")
>>> everybody.surprise(ann, away, ann.look(marks(away))[1])
(1387, -196, 1191)

Not here: what a surprise weighs (the policy).
"""

from collections.abc import Sequence
from typing import Final

from stepwarden.events.facts import Facts
from stepwarden.signals.habits import Habit
from stepwarden.signals.logarithm import thousandths

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
LEAST_SHARE: Final = 0.02
"""Of everybody: who attacks this person may know what is rare about them."""
COUNTED: Final = "ASCUBOT"
"""The kinds that count, by letter: address, system, country; agent, browser, operating system, type of device."""
Surprise = tuple[int, int, int]
NO_SURPRISE: Final = (0, 0, 0)
_PLACE: Final = {letter: place for place, letter in enumerate(COUNTED)}


class Population:
    """On how many days each value was seen with how many people: at most ``limit`` values of each kind.

    ``people`` were seen, on ``days`` days of theirs together. ``kinds`` and ``totals`` are in the order of ``COUNTED``.
    """

    __slots__ = ("_terms", "days", "kinds", "limit", "people", "totals")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.days = 0
        self.people = 0
        self.kinds: tuple[dict[str, int], ...] = tuple({} for _ in COUNTED)
        self.totals = [0] * len(COUNTED)
        self._terms: tuple[float, ...] = ()

    def learn(self, habit: Habit, seen: str, second: int) -> None:
        """An attempt with the marks ``seen`` ended well: ``habit`` takes it in, and what is new in their day counts
        for everybody."""
        days = habit.days
        fresh = habit.learn(seen, second)
        if habit.days != days:
            self.days += 1
            self.people += not days
        if fresh:
            self._terms = ()
        for part in fresh:
            at = _PLACE.get(part[0])
            if at is not None:
                kind, value = self.kinds[at], part[1:]
                kind[value] = kind.get(value, 0) + 1
                self.totals[at] += 1
                if len(kind) > self.limit:
                    self._forget(kind)

    def bound(self, limit: int) -> None:
        self.limit = limit
        self._terms = ()
        for kind in self.kinds:
            if len(kind) > limit:
                self._forget(kind)

    def _forget(self, kind: dict[str, int]) -> None:
        """Drop the values that counted least, of those the oldest, and a batch more: sorting takes a while."""
        surplus = len(kind) - self.limit
        for part in sorted(kind, key=kind.__getitem__)[: surplus + self.limit // 16]:
            del kind[part]

    def surprise(self, habit: Habit, facts: Facts, counts: Sequence[int]) -> Surprise:
        """Of the place, of the agent, and of the whole, for an attempt of ``habit``'s.

        Args:
            counts: what ``habit.look`` says of the marks of ``facts``.
        """
        _, a, _, c, s, u, b, o, t = counts
        _, of_a, _, of_c, of_s, of_u, of_b, of_o, of_t = habit.sums()
        addresses, asns, countries, agents, browsers, systems, types = self.kinds
        if not self._terms:
            self._terms = self._worked_out()
        for_a, for_s, for_c, for_u, for_b, for_o, for_t, usual = self._terms
        # Written out, and asked of dicts: this runs for every attempt.
        found = addresses.get(facts.address, 0)
        place = (
            (for_a * found * found / (found + 3) if found else for_a)
            + for_s * asns.get(facts.asn, 0)
            + for_c * countries.get(facts.country, 0)
        )
        found = agents.get(facts.agent, 0)
        agent = (
            (for_u * found * found / (found + 4) if found else for_u)
            + for_b * browsers.get(facts.browser, 0)
            + for_o * systems.get(facts.os, 0)
            + for_t * types.get(facts.device_type, 0)
        )
        place, agent = max(LEAST_SHARE, place), max(LEAST_SHARE, agent)
        my_place = ADDRESS * a / of_a + ASN * s / of_s + COUNTRY * c / of_c
        my_agent = AGENT * u / of_u + BROWSER * b / of_b + SYSTEM * o / of_o + DEVICE_TYPE * t / of_t
        days = float(habit.days)
        if habit.logins <= COLD:
            own = habit.logins / (COLD + 1)
            my_place = own * my_place + (1.0 - own) * place
            my_agent = own * my_agent + (1.0 - own) * agent
            days = own * days + (1.0 - own) * usual
        of_place = thousandths(place / (my_place or UNSEEN_SHARE * place))
        of_agent = thousandths(agent / (my_agent or UNSEEN_SHARE * agent))
        return of_place, of_agent, of_place + of_agent + thousandths(usual / days)

    def _worked_out(self) -> tuple[float, ...]:
        """What one count weighs in each of the kinds, the smoothed ones by N + M; the days of one person."""
        _, asns, countries, _, browsers, systems, types = map(len, self.kinds)
        all_a, all_s, all_c, all_u, all_b, all_o, all_t = self.totals
        return (
            ADDRESS / (all_a + 1 + asns + countries),
            ASN / all_s,
            COUNTRY / all_c,
            AGENT / (all_u + 1 + browsers + systems + types),
            BROWSER / all_b,
            SYSTEM / all_o,
            DEVICE_TYPE / all_t,
            self.days / self.people,
        )
