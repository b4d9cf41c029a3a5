"""What an attack is given: the ground it stands on, the people on it, the time, and its own dice.

``Terrain`` is what an attacker can buy, rent or find out: addresses of all kinds, browsers, and (for the attacks that
have it) where a victim lives, what they use and what they did. ``Stage`` is one campaign's share of it. Everything
random comes from ``Stage.dice``, so one seed gives one attack; what it does then depends on the answers alone.

Not here: the simulated world itself (``lab.simulate``; ``terrain`` reads it for us), and when which campaign begins
(``campaigns``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from stepwarden.events.attempt import Device, Place
from stepwarden.lab.simulate.plan import Person, Planned

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Spot:
    """An address, and where it is. ``place`` is what the site sends along with it, None where it sends nothing."""

    ip: str
    country: str
    city: str
    asn: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Kit:
    """A browser as the site sees it. ``device`` is the identifier that the site gave it, None where it gives none."""

    user_agent: str
    device: Device | None = None


class Terrain(Protocol):
    """What can be had on the simulated ground. All draws come from the given dice, and from nothing else."""

    def household(self, dice: Random, *, country: str = "", city: str = "", asn: str = "") -> Spot:
        """A residential line: anywhere by its share of the world's lines, or within what is named.

        Where a city has no line of the named kind, one in the country is given.
        """
        ...

    def hosted(self, dice: Random) -> Spot:
        """A rented server in a datacentre."""
        ...

    def vpn(self, dice: Random, *, country: str = "") -> Spot:
        """An exit of a commercial VPN; in another country where the named one has none."""
        ...

    def rival(self, dice: Random, person: int, time: int) -> Spot:
        """A residential line in this person's town with another provider than theirs, where there is one."""
        ...

    def kin(self, dice: Random, spot: Spot) -> Spot:
        """Another customer of the same provider in the same place."""
        ...

    def beside(self, dice: Random, spot: Spot) -> Spot:
        """Another address of the same network (/24)."""
        ...

    def kit(self, dice: Random, person: int, time: int) -> Kit:
        """A browser as most people have them at this time, by their shares, as it comes to this person's account.

        Its device is new: the account has not seen it. ``person`` -1 is an account that nobody has.
        """
        ...

    def like(self, dice: Random, person: int, time: int) -> Kit:
        """Another installation of the browser that this person uses most, on the same system.

        As up to date as such installations are at this time, so that it often sends the same text. Its device is new.
        """
        ...

    def anew(self, dice: Random, kit: Kit, person: int) -> Kit:
        """The same browser without its cookies, so that its device is new to this person's account."""
        ...

    def home(self, person: int, time: int) -> Spot:
        """Where this person most often signs in from, at about this time."""
        ...

    def usual(self, person: int, time: int) -> Kit:
        """What this person most often signs in with, at about this time."""
        ...

    def life(self, person: int, begin: int, end: int) -> Iterator[Planned]:
        """What this person does from ``begin`` to ``end``, in order of time: for those who watch them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One campaign's ground.

    ``began`` and ``until`` in microseconds: nothing happens before or after. ``strikes`` is when the attack proper
    begins, for those that prepare one (``poisoning``); else it is ``began``. ``victim`` is the person it is about; an
    attack on the whole site has ``victim`` and goes on to the others. ``index`` is that of the campaign.
    """

    terrain: Terrain
    people: Sequence[Person]
    victim: Person
    began: int
    strikes: int
    until: int
    index: int
    dice: Random
    option: str
