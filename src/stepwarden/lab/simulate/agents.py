"""Browsers: which there are, how often each is used, how their versions go by, and what they send as user agent.

Each product releases every so many days from a first release on. A device takes a release some days after it is out,
two thirds within a week, the rest within six; a few never take one. So on any day the population is spread over two
or three versions, as sites see it. What is sent follows the browsers' own rules: Chrome's reduced agent names no
device (since version 110), Safari's Mac stands still at 10_15_7, that of iOS at 18_6 from Safari 26 on.

Shares are rounded, after what public counters of page views showed for Europe in 2024 and 2025: they say which are
common, not more.

Not here: reading agents (``connect.lookups.agents``; tests hold the two against each other).
"""

from collections.abc import Container
from functools import lru_cache
from random import Random
from typing import Final, Literal, NamedTuple

from stepwarden.lab.simulate.draws import below, mix, spread

Form = Literal["desk", "phone", "tablet"]


class Product(NamedTuple):
    """One browser on one system. ``share`` in thousands of its form; ``first`` is the day of ``version``.

    ``browser`` and ``system`` are the families that a reader of agents finds; ``variants`` how many texts of one
    version there are (models of phones, releases of the system).
    """

    name: str
    form: Form
    browser: str
    system: str
    share: int
    first: int
    cadence: int
    version: int
    variants: int = 1


_ANDROID = ("12", "13", "14", "15")
_MODELS = (
    "SM-A546B", "SM-S911B", "SM-A137F", "SM-G991B", "SM-A217F", "Pixel 7", "Pixel 6a", "Pixel 8 Pro", "moto g54 5G",
    "Redmi Note 12", "2201117TG", "CPH2465", "V2250", "Nokia G21", "XQ-DC54", "FP4",
)  # fmt: skip

PRODUCTS: Final = (
    Product("windows-chrome", "desk", "Chrome", "Windows", 400, 19696, 28, 120),
    Product("windows-edge", "desk", "Edge", "Windows", 150, 19698, 28, 120),
    Product("windows-firefox", "desk", "Firefox", "Windows", 90, 19710, 28, 121),
    Product("windows-opera", "desk", "Opera", "Windows", 30, 19710, 28, 106),
    Product("mac-safari", "desk", "Safari", "Mac OS X", 140, 19618, 46, 0),
    Product("mac-chrome", "desk", "Chrome", "Mac OS X", 100, 19696, 28, 120),
    Product("mac-firefox", "desk", "Firefox", "Mac OS X", 20, 19710, 28, 121),
    Product("linux-firefox", "desk", "Firefox", "Linux", 20, 19710, 28, 121),
    Product("linux-chrome", "desk", "Chrome", "Linux", 25, 19696, 28, 120),
    Product("chromeos-chrome", "desk", "Chrome", "Chrome OS", 25, 19696, 28, 120),
    Product("iphone-safari", "phone", "Mobile Safari", "iOS", 310, 19618, 46, 0),
    Product("iphone-chrome", "phone", "Chrome Mobile iOS", "iOS", 40, 19697, 28, 120),
    Product("iphone-app", "phone", "Mobile Safari UI/WKWebView", "iOS", 40, 19618, 46, 0),
    Product("android-chrome", "phone", "Chrome Mobile", "Android", 430, 19697, 28, 120),
    Product("android-samsung", "phone", "Samsung Internet", "Android", 90, 19655, 92, 23),
    Product("android-firefox", "phone", "Firefox Mobile", "Android", 20, 19710, 28, 121, len(_ANDROID)),
    Product("android-app", "phone", "Chrome Mobile WebView", "Android", 70, 19697, 28, 120, 64),
    Product("android-tablet", "tablet", "Chrome", "Android", 1000, 19697, 28, 120),
)
LONGEST_DELAY: Final = 42
_NEVER: Final = 40
"""Of a thousand devices, those that take no new version."""
_WEBKIT: Final = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
_BLINK: Final = "AppleWebKit/537.36 (KHTML, like Gecko)"
_PLATFORMS: Final = {
    "windows": "Windows NT 10.0; Win64; x64",
    "mac": "Macintosh; Intel Mac OS X 10_15_7",
    "linux": "X11; Linux x86_64",
    "chromeos": "X11; CrOS x86_64 14541.0.0",
}


def newest(product: int, day: int) -> int:
    """The release that is out on this day; may be negative before the first that is known."""
    found = PRODUCTS[product]
    return (day - found.first) // found.cadence


def release(product: int, day: int, device: int) -> int:
    """The release that a device (its key) has on this day."""
    return held(product, day, device)[0]


def held(product: int, day: int, device: int) -> tuple[int, int]:
    """That, and the first day on which the device may have another one: at most half a year on."""
    found = PRODUCTS[product]
    out, age = divmod(day - found.first, found.cadence)
    if device % 1_000 < _NEVER:
        return min(out, below(mix(device, -1), 12)), day + 1
    number, until = out, day + found.cadence - age + _delay(device, out + 1)
    while age < LONGEST_DELAY and age < (delay := _delay(device, number)):
        until = min(until, day - age + delay)
        number, age = number - 1, age + found.cadence
    # The release after the next is asked about when it is out.
    return number, min(until, found.first + (out + 2) * found.cadence)


def _delay(device: int, number: int) -> int:
    """Days that this device takes for this release."""
    key = mix(device, number)
    return key >> 32 & 7 if key % 3 < 2 else 7 + ((key >> 40) * 35 >> 24)


@lru_cache(maxsize=8_192)
def text(product: int, number: int, variant: int = 0) -> str:
    """The user agent of a release. ``variant`` is below the product's ``variants``."""
    found = PRODUCTS[product]
    system, _, browser = found.name.partition("-")
    version = found.version + number
    if system in _PLATFORMS:
        return _desk(_PLATFORMS[system], browser, version, number)
    if system == "iphone":
        return _iphone(browser, version, number if browser != "chrome" else number * 28 // 46 + 1)
    return _android(browser, version, variant)


def _desk(platform: str, browser: str, version: int, number: int) -> str:
    if browser == "firefox":
        return f"Mozilla/5.0 ({platform}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
    if browser == "safari":
        return f"Mozilla/5.0 ({platform}) {_WEBKIT} Version/{_apple(number)} Safari/605.1.15"
    chromium = version + 14 if browser == "opera" else version
    tail = {"edge": f" Edg/{version}.0.0.0", "opera": f" OPR/{version}.0.0.0"}.get(browser, "")
    return f"Mozilla/5.0 ({platform}) {_BLINK} Chrome/{chromium}.0.0.0 Safari/537.36{tail}"


def _iphone(browser: str, version: int, apple: int) -> str:
    current = _apple(apple)
    frozen = current if int(current.partition(".")[0]) < 26 else "18.6"
    head = f"Mozilla/5.0 (iPhone; CPU iPhone OS {frozen.replace('.', '_')} like Mac OS X) {_WEBKIT}"
    if browser == "chrome":
        return f"{head} CriOS/{version}.0.0.0 Mobile/15E148 Safari/604.1"
    if browser == "app":
        return f"{head} Mobile/15E148"
    return f"{head} Version/{current} Mobile/15E148 Safari/604.1"


def _android(browser: str, version: int, variant: int) -> str:
    if browser == "firefox":
        system = _ANDROID[variant]
        return f"Mozilla/5.0 (Android {system}; Mobile; rv:{version}.0) Gecko/{version}.0 Firefox/{version}.0"
    if browser == "app":
        system, model = _ANDROID[variant % 4], _MODELS[variant // 4]
        return (
            f"Mozilla/5.0 (Linux; Android {system}; {model}; wv) {_BLINK} Version/4.0 "
            f"Chrome/{version}.0.0.0 Mobile Safari/537.36"
        )
    head = f"Mozilla/5.0 (Linux; Android 10; K) {_BLINK}"
    if browser == "samsung":
        return (
            f"{head} SamsungBrowser/{version}.0 Chrome/{115 + 6 * (version - 23)}.0.0.0 Mobile Safari/537.36"
        )
    return f"{head} Chrome/{version}.0.0.0{' Mobile' if browser == 'chrome' else ''} Safari/537.36"


def _apple(number: int) -> str:
    """The version of the system and its Safari: eight releases a year, named after the coming year since 26."""
    year, step = divmod(number, 8)
    major = 17 + year if year < 2 else 24 + year
    return f"{major}.{step}"


class Kit(NamedTuple):
    """One installation's browser: product, release and variant."""

    product: int
    number: int
    variant: int

    @property
    def user_agent(self) -> str:
        return text(self.product, self.number, self.variant)


def picked(key: int, form: Form) -> int:
    """A product of this form, by shares."""
    return _table(form)[key >> 54]


@lru_cache(maxsize=8)
def _table(form: Form) -> tuple[int, ...]:
    """1,024 products of a form (positions in ``PRODUCTS``), as many of each as its share says."""
    return spread((number, product.share) for number, product in enumerate(PRODUCTS) if product.form == form)


def common(dice: Random, day: int, without: Container[int] = ()) -> Kit:
    """A browser as most people have them on this day, six phones to four desks; no product of ``without``."""
    while True:
        product = picked(dice.getrandbits(64), "phone" if dice.random() < 0.6 else "desk")
        if product not in without:
            return Kit(
                product,
                release(product, day, dice.getrandbits(64)),
                dice.randrange(PRODUCTS[product].variants),
            )
