"""The cast: who banks at Acme, how to sign in as them, and from where they usually do.

``alice``, ``bob`` and ``erin`` (an employee) are for whoever watches the demonstration; everybody else is played by the
traffic generator. Addresses lie in public ranges of the named countries; no packet ever goes there, they only stand
in ``X-Forwarded-For`` headers on the loopback interface.
"""

import hashlib
from dataclasses import dataclass

_CHROME_WIN = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/130.0.0.0 Safari/537.36"
)
_FIREFOX_LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
_SAFARI_MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Safari/605.1.15"
)
_SAFARI_PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Mobile/15E148 Safari/604.1"
)
_CHROME_ANDROID = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/130.0.0.0 Mobile Safari/537.36"
)


HERE = "127.0.0.1"
"""Where a watcher's browser comes from, as the bank sees it: those people have always banked from this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person. ``desk`` and ``phone`` are user agents; each has a device id of its own."""

    user: str
    name: str
    password: str
    role: str = "customer"
    played: bool = True
    cents: int = 250_000
    home: str
    work: str
    mobile: str
    desk: str = _CHROME_WIN
    phone: str = _SAFARI_PHONE

    @property
    def mail(self) -> str:
        return f"{self.user}@mail.example"

    @property
    def places(self) -> tuple[tuple[str, str, str], ...]:
        """(address, user agent, device id) as this person is usually seen."""
        desk, phone = self.device("desk"), self.device("phone")
        return (
            (self.home, self.desk, desk),
            (self.work, self.desk, desk),
            (self.mobile, self.phone, phone),
            (self.home, self.phone, phone),
        )

    def device(self, kind: str) -> str:
        """A fixed id, so that history and traffic speak of the same device."""
        return hashlib.sha256(f"acme demo device {self.user} {kind}".encode()).hexdigest()[:32]


def _person(user: str, name: str, password: str, home: str, work: str, mobile: str, **more: str) -> Person:
    return Person(user=user, name=name, password=password, home=home, work=work, mobile=mobile, **more)  # type: ignore[arg-type]


PEOPLE: tuple[Person, ...] = (
    Person(
        user="alice",
        name="Alice Adler",
        password="blue-kettle-41",
        played=False,
        cents=482_150,
        home=HERE,
        work=HERE,
        mobile=HERE,
    ),
    Person(
        user="bob",
        name="Bob Berg",
        password="green-ladder-77",
        played=False,
        cents=91_020,
        home=HERE,
        work=HERE,
        mobile=HERE,
    ),
    Person(
        user="erin",
        name="Erin Ek",
        password="red-window-19",
        role="employee",
        played=False,
        home=HERE,
        work=HERE,
        mobile=HERE,
    ),
    _person(
        "carla", "Carla Conti", "tram-olive-552", "79.20.14.6", "88.44.3.18", "37.160.9.77", desk=_SAFARI_MAC
    ),
    _person("david", "David Diaz", "paper-kite-908", "81.37.60.4", "80.28.1.90", "77.208.12.6"),
    _person(
        "fatima",
        "Fatima Faris",
        "desert-lamp-3",
        "90.3.55.21",
        "80.14.9.33",
        "92.184.98.2",
        phone=_CHROME_ANDROID,
    ),
    _person(
        "grace", "Grace Green", "sunshine2019", "73.15.88.41", "50.200.7.12", "172.56.21.9", desk=_SAFARI_MAC
    ),
    _person("henry", "Henry Hall", "liverpool1", "86.160.71.3", "81.130.2.65", "82.132.230.44"),
    _person(
        "ivan", "Ivan Ilves", "dragon123", "88.196.4.31", "194.126.100.8", "90.190.14.2", desk=_FIREFOX_LINUX
    ),
    _person("julia", "Julia Jansen", "tulip-and-bike", "84.80.17.66", "194.109.6.10", "62.140.137.9"),
    _person(
        "kenji",
        "Kenji Kato",
        "maple-fuji-64",
        "126.66.7.12",
        "133.27.4.9",
        "49.98.12.80",
        phone=_CHROME_ANDROID,
    ),
    _person(
        "lena",
        "Lena Lang",
        "winter-fox-210",
        "91.20.77.3",
        "62.154.20.7",
        "80.187.110.4",
        desk=_FIREFOX_LINUX,
    ),
    _person("marek", "Marek Mazur", "amber-coast-8", "83.8.14.90", "80.48.3.6", "5.172.232.10"),
    _person("nadia", "Nadia Novak", "violin-rain-73", "89.102.5.40", "194.228.2.11", "46.135.9.18"),
    _person(
        "oscar", "Oscar Olsen", "office-key-2231", "84.208.7.9", "193.212.4.10", "77.18.40.3", role="employee"
    ),
)

BY_USER = {person.user: person for person in PEOPLE}
