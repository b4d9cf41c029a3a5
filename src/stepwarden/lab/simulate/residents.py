"""Who a person is: what of their life stays the same, drawn from the seed and their index alone.

With more or fewer people, the others stay who they are. Shares and rates are constants here; where each comes from is
said in docs/simulation.md.

Not here: where somebody is on a day (``movements``), what everybody does (``life``).
"""

from functools import lru_cache
from typing import Final

import msgspec

from stepwarden.lab.simulate.agents import Form
from stepwarden.lab.simulate.cities import AT_HOME, CITIES, HOME, living
from stepwarden.lab.simulate.draws import below, chosen, exp, mix, normal, running
from stepwarden.lab.simulate.networks import VPN_SERVICES, Pool
from stepwarden.lab.simulate.plan import Band, Cohort, Person
from stepwarden.lab.simulate.world import Address, World

FORTNIGHT: Final = 14
"""Days within which there is a trip, or none."""
SLOTS: Final = 6
"""How often at most somebody signs in on one day."""

COHORTS: Final[tuple[Cohort, ...]] = ("home", "mobile", "office", "vpn", "traveller", "night")
SHARES: Final = (400, 300, 180, 50, 40, 30)
"""Of a thousand people, those in each cohort."""
_SHARES: Final = running(SHARES)
_PHONES: Final[dict[Cohort, int]] = {
    "home": 550,
    "mobile": 950,
    "office": 350,
    "vpn": 550,
    "traveller": 550,
    "night": 600,
}
"""Of a thousand sign-ins, those with the phone."""
MEDIAN_A_YEAR: Final = 16
"""Sign-ins of the median person in a year."""
SPREAD: Final = 1.6
"""Standard deviation of the logarithm of sign-ins a year."""
OFFICES: Final = 6
"""Companies in each city whose people share one address each; the largest has two in five of them."""
_OFFICES: Final = running(OFFICES * 10 // (number + 1) for number in range(OFFICES))


class Gadget(msgspec.Struct, frozen=True, gc=False):
    """A device: its form, whether it is the employer's, and how many days it lasts. ``key`` is that of its chance."""

    key: int
    form: Form
    work: bool
    lifetime: int
    phase: int


class Resident(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What of a person stays. Chances are of a thousand; ``key`` is that of all chance in their life, and those
    of its parts are made from it.

    ``slot`` is the chance, of 2^32, of each of ``SLOTS`` sign-ins on an average day. ``lease`` days between two
    addresses of the line, ``phase`` when; ``sticky`` where the next one is in the same /24. ``office_days`` is the
    chance of being at work on a weekday, ``vpn_share`` that of a sign-in through the VPN of ``vpn_pools`` (the usual
    exit first). ``phones`` is the chance of using a phone, ``carriers`` of being on the carrier's network with it.
    ``shift`` seconds by which they live later than others. ``fails`` is the chance of a wrong password on an ordinary
    day. ``trips`` the chance of a trip in two weeks, ``abroad`` that it is to another country. ``clears`` days after
    which cookies are cleared, 0 for never.
    """

    person: Person
    key: int
    city: int
    line: Pool
    carrier: Pool
    lease: int
    phase: int
    sticky: bool
    office: Address | None
    office_days: int
    vpn_pools: tuple[Pool, ...]
    vpn_share: int
    gadgets: tuple[Gadget, ...]
    phones: int
    carriers: int
    trip_key: int
    line_key: int
    office_key: int
    carrier_key: int
    slot: int
    shift: int
    fails: int
    trips: int
    abroad: int
    clears: int


def resident(world: World, index: int, seed: int) -> Resident:
    """The person with this index, whoever else there is."""
    key = mix(mix(seed, 0x70656F706C65), index)
    cohort = COHORTS[chosen(mix(key, 1), _SHARES)]
    yearly = MEDIAN_A_YEAR * exp(SPREAD * normal(mix(key, 2)))
    cities, sums = living(HOME, abroad=below(mix(key, 3), 1_000) >= AT_HOME)
    city = cities[chosen(mix(key, 4), sums)]
    lines = world.within("line", city)
    carriers = world.having("mobile", CITIES[city].country)
    # Cookies: most keep them, some clear them now and then, some browse privately or delete them with each closing.
    cookies = below(mix(key, 8), 1_000)
    clears = 0 if cookies < 800 else 14 + below(mix(key, 9), 120) if cookies < 950 else 1
    return Resident(
        person=Person(
            index=index,
            actor=actor(index, key),
            cohort=cohort,
            band=band(yearly),
            has_device_id=below(mix(key, 10), 100) < 85,
        ),
        key=key,
        city=city,
        line=lines[chosen(mix(key, 5), _sums(lines))],
        carrier=carriers[chosen(mix(key, 6), _sums(carriers))],
        lease=_lease(mix(key, 11)),
        phase=below(mix(key, 12), 400),
        sticky=below(mix(key, 13), 100) < 35,
        office=_office(world, city, mix(key, 14)) if cohort in ("office", "traveller") else None,
        office_days=700 if cohort == "office" else 400,
        vpn_pools=_vpn(world, key),
        vpn_share=_vpn_share(cohort, key),
        gadgets=_gadgets(cohort, key),
        phones=_PHONES[cohort],
        carriers=700 if cohort == "mobile" else 200,
        slot=int(min(yearly / 365.25 / SLOTS, 0.75) * 4_294_967_296),
        shift=int(3_600 * 0.8 * normal(mix(key, 15))),
        fails=30 + below(mix(key, 16), 40),
        trips=650 if cohort == "traveller" else 110,
        abroad=550 if cohort == "traveller" else 400,
        clears=clears,
        trip_key=mix(key, 50),
        line_key=mix(key, 51),
        office_key=mix(key, 52),
        carrier_key=mix(key, 53),
    )


def band(yearly: float) -> Band:
    """The band of somebody who signs in so often a year."""
    return "daily" if yearly > 4 * 52 else "weekly" if yearly >= 52 else "monthly" if yearly >= 12 else "rare"


_FIRST = (
    "anna", "ben", "clara", "david", "emma", "felix", "greta", "hannes", "ida", "jonas", "klara", "leon", "mia", "nils",
    "olga", "paul", "rosa", "simon", "thea", "urs", "vera", "willi", "yara", "zoe",
)  # fmt: skip
_LAST = (
    "adler", "berg", "conrad", "dietz", "ernst", "fuchs", "graf", "haas", "jansen", "keller", "lorenz", "moser", "noll",
    "otto", "peters", "reuter", "sommer", "thiel", "ullrich", "vogt", "winter", "ziegler",
)  # fmt: skip


def actor(index: int, key: int) -> str:
    """The name of the account."""
    return f"{_FIRST[below(mix(key, 20), len(_FIRST))]}.{_LAST[below(mix(key, 21), len(_LAST))]}.{index}"


def mistyped(name: str, key: int) -> str:
    """A name that nobody has: two neighbouring letters the wrong way round, or one left out."""
    at = below(key, len(name.partition(".")[0]) - 1)
    turned = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    return turned if turned != name else name[:at] + name[at + 1 :]


@lru_cache(maxsize=512)
def _sums(pools: tuple[Pool, ...]) -> tuple[int, ...]:
    return running(pool.share for pool in pools)


def _lease(key: int) -> int:
    """Days for which a line keeps its address."""
    kind = below(mix(key, 1), 100)
    if kind < 12:
        return 1
    return 7 + below(mix(key, 2), 54) if kind < 40 else 60 + below(mix(key, 3), 340)


@lru_cache(maxsize=4_096)
def _branch(world: World, city: int, company: int) -> Address:
    """The one address of a company's office in this city."""
    pool = world.within("business", city)[0]
    return Address(pool.v4(mix(mix(world.seed, 0x6F6666696365), company * 64 + city)), pool.place)


def _office(world: World, city: int, key: int) -> Address:
    return _branch(world, city, chosen(key, _OFFICES))


@lru_cache(maxsize=8)
def _services(world: World) -> tuple[tuple[Pool, ...], ...]:
    pools = world.having("vpn")
    names = sorted({pool.asn for pool in pools})
    return tuple(tuple(pool for pool in pools if pool.asn == name) for name in names)


def _vpn(world: World, key: int) -> tuple[Pool, ...]:
    """Exits of one service, the usual one first: at home for two in three."""
    exits = _services(world)[below(mix(key, 30), VPN_SERVICES)]
    at_home = [pool for pool in exits if pool.country == HOME]
    first = at_home[0] if at_home and below(mix(key, 31), 3) < 2 else exits[below(mix(key, 32), len(exits))]
    return (first, *(pool for pool in exits if pool is not first))


def _vpn_share(cohort: Cohort, key: int) -> int:
    """The VPN cohort always or mostly; of the others one in eight now and then."""
    if cohort == "vpn":
        return 1_000 if below(mix(key, 33), 2) else 600
    return 60 if below(mix(key, 34), 8) == 0 else 0


def _gadgets(cohort: Cohort, key: int) -> tuple[Gadget, ...]:
    forms: list[tuple[Form, bool]] = [("phone", False)]
    if cohort != "mobile" or below(mix(key, 40), 100) < 40:
        forms.append(("desk", False))
    if cohort in ("office", "traveller"):
        forms.append(("desk", True))
    if below(mix(key, 41), 100) < 20:
        forms.append(("tablet", False))
    made = []
    for number, (form, work) in enumerate(forms):
        own = mix(mix(key, 42), number)
        lifetime = 730 + below(mix(own, 1), 366) if form == "phone" else 1_200 + below(mix(own, 2), 900)
        made.append(Gadget(own, form, work, lifetime, below(mix(own, 3), lifetime)))
    return tuple(made)
