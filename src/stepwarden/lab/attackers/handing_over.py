"""What an attack finds is used by others, later: somebody buys the account, or another crew takes it over."""

from collections.abc import Callable
from dataclasses import dataclass, field

from stepwarden.lab.attackers.moves import Hand, Moves
from stepwarden.lab.simulate.plan import Person


@dataclass(slots=True)
class Found:
    """Accounts that wait for whoever uses them; ``use`` is what these do."""

    hand: Hand
    use: Callable[[Hand, Person], Moves[None]]
    due: list[tuple[int, int, Person]] = field(default_factory=list)

    def add(self, person: Person, least: int, most: int) -> None:
        """Found now, used between so many microseconds later."""
        self.due.append((self.hand.now + self.hand.stage.dice.randint(least, most), person.index, person))
        self.due.sort(key=lambda due: due[:2])

    def used(self, until: int) -> Moves[None]:
        """Let others use what was found, as far as it is due by then."""
        while self.due and self.due[0][0] <= until:
            at, _, person = self.due.pop(0)
            self.hand.now = max(self.hand.now, at)
            yield from self.use(self.hand, person)
