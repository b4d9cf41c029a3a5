"""Single moves: signing in with a password, right or wrong, and acting in a session.

A ``Hand`` makes ``Planned`` attempts and remembers nothing but the time: no move is earlier than the answer to the one
before, as nobody acts on an answer that they have not got.

Rates at which a second factor falls, each from a study and used only where a technique is about it:

- ``PHISHED_BULK`` and ``PHISHED_TARGETED``: codes sent by SMS stopped 96 % of bulk phishing and 76 % of targeted
  attacks (Doerfler et al., "Evaluating login challenges as a defense against account takeover", WWW 2019).
- ``GIVES_IN``: about 1 % of people accept a prompt that they did not cause at the first try (Microsoft, "Defend your
  users from MFA fatigue attacks", 2022).
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypedDict, TypeVar

from stepwarden.events.attempt import Attempt, Device, Outcome, Place
from stepwarden.lab.attackers.stage import MINUTE, SECOND, Kit, Spot, Stage
from stepwarden.lab.simulate.plan import Answered, Person, Planned, Reply

PHISHED_BULK = 0.04
PHISHED_TARGETED = 0.24
GIVES_IN = 0.01

NOBODY = -1
T = TypeVar("T")
Moves = Generator[Planned, Answered, T]
"""Several moves that come to something: part of a script."""
Step = Moves[Answered]
"""One move or several: what was last answered is returned."""


@dataclass(slots=True)
class Hand:
    """Whoever attacks, at their clock: ``now`` in microseconds."""

    stage: Stage
    now: int

    @property
    def victim(self) -> Person:
        return self.stage.victim

    def wait(self, least: int, most: int) -> None:
        """Let some time between the two pass, microseconds."""
        self.now += self.stage.dice.randint(least, most)

    def fresh(self) -> str:
        """A new session id, shaped like any other."""
        return f"{self.stage.dice.getrandbits(96):024x}"

    def guess(self, person: Person | None, name: str, spot: Spot, kit: Kit) -> Step:
        """Sign in with a wrong password. A challenge is left alone: whoever guesses has nothing to answer it with."""
        attempt = Attempt(action="login", actor=name, **_whence(spot, kit))
        index = NOBODY if person is None else person.index
        return self._make(attempt, index, outcome="failure", reply="ignore", delay=0)

    def sign_in(
        self,
        person: Person,
        spot: Spot,
        kit: Kit,
        *,
        opens: str,
        session: str = "",
        reply: Reply = "ignore",
        delay: int = 0,
    ) -> Step:
        """Sign in with the right password; ``reply`` is what becomes of a challenge, after ``delay`` microseconds.

        ``session`` is that of the sign-in page, "" for none; ``opens`` the one that begins where it goes well.
        """
        attempt = right_password(person, spot, kit, session)
        return self._make(attempt, person.index, outcome="success", reply=reply, delay=delay, opens=opens)

    def act(
        self,
        person: Person,
        spot: Spot,
        kit: Kit,
        action: str,
        *,
        session: str,
        resource: str = "",
        reply: Reply = "ignore",
        delay: int = 0,
        grant: str = "",
    ) -> Step:
        """Do something in a session that is open, or is hoped to be."""
        attempt = Attempt(
            action=action,
            actor=person.actor,
            session=session,
            resource=resource,
            grant=grant,
            **_whence(spot, kit),
        )
        return self._make(attempt, person.index, outcome="success", reply=reply, delay=delay)

    def _make(
        self, attempt: Attempt, person: int, *, outcome: Outcome, reply: Reply, delay: int, opens: str = ""
    ) -> Step:
        answered = yield Planned(
            time=self.now,
            attempt=attempt,
            outcome=outcome,
            person=person,
            reply=reply,
            delay=delay,
            campaign=self.stage.index,
            opens=opens,
        )
        self.now = max(self.now, answered.time)
        return answered


def right_password(person: Person, spot: Spot, kit: Kit, session: str = "") -> Attempt:
    """A sign-in with the right password, as an application tells it; ``session`` is that of the sign-in page."""
    return Attempt(action="login", actor=person.actor, session=session, proved=("pwd",), **_whence(spot, kit))


class _Whence(TypedDict):
    ip: str
    user_agent: str
    device: Device | None
    place: Place | None


def _whence(spot: Spot, kit: Kit) -> _Whence:
    return _Whence(ip=spot.ip, user_agent=kit.user_agent, device=kit.device, place=spot.place)


def plunder(hand: Hand, person: Person, spot: Spot, kit: Kit, session: str, reply: Reply = "ignore") -> Step:
    """What a hijacker does once inside: looks for about three minutes what the account is worth, then takes it.

    Bursztein et al., "Handcrafted fraud and extortion: manual account hijacking in the wild", IMC 2014: three minutes
    on average to assess an account, a quarter of an hour to use it. Gives up at the first refusal.
    """
    dice = hand.stage.dice
    for _ in range(dice.randint(3, 8)):
        hand.wait(10 * SECOND, 40 * SECOND)
        looked = yield from hand.act(person, spot, kit, dice.choice(LOOKS), session=session)
        if not looked.open:
            return looked
    for action in dice.sample(TAKES, k=2):
        hand.wait(MINUTE, 7 * MINUTE)
        looked = yield from hand.act(
            person,
            spot,
            kit,
            action,
            session=session,
            resource=f"account-{dice.randrange(10_000)}",
            reply=reply,
        )
        if looked.decision == "deny":
            return looked
    return looked


LOOKS = ("balance.read", "statement.read", "messages.read")
TAKES = ("transfer", "mail.change", "export")
