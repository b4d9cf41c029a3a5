"""Every page, in every language: well formed, labelled, with nothing in it that the policy would have to allow."""

import doctest
import re
import string
from collections.abc import Awaitable, Callable

import pytest

from stepwarden.console import catalogue, kept, reasons_de, visit, way
from stepwarden.console.catalogue import TEXTS
from stepwarden.console.render import static_files
from stepwarden.console.visit import LANGUAGES
from stepwarden.errors import BusyError, StorageError
from stepwarden.flow.shown import Choice
from stepwarden.flow.views import OURS, TOO_MANY_PROMPTS
from stepwarden.policy.default import default_text
from tests.console.fake_flow import ALL_CHOICES, MINUTE, NOW, RIGHT, account_page
from tests.console.page_visitor import BACK, SHOP, Answer, House, Visitor

pytestmark = pytest.mark.anyio
URL = f"/step-up/12-transfer?{BACK}"
See = Callable[[House, Visitor], Awaitable[Answer]]


@pytest.mark.parametrize("module", [visit, way, kept, catalogue])
async def test_examples_in_the_docstrings_run(module: object) -> None:
    """What the modules say of themselves is true."""
    found = doctest.testmod(module)  # type: ignore[arg-type]
    assert found.attempted
    assert not found.failed


def challenge(url: str = URL, **changes: object) -> See:
    async def see(house: House, visitor: Visitor) -> Answer:
        house.pages.add(**changes)
        return await visitor.get(url)

    return see


def pressed(end: str, **fields: str) -> See:
    async def see(house: House, visitor: Visitor) -> Answer:
        await visitor.get("/account?ticket=ticket-1")
        page = (await visitor.follow(await visitor.get("/account"))).page
        return await visitor.follow(await visitor.submit(page.form(end, **fields)))

    return see


def answered(end: str, **fields: str) -> See:
    async def see(house: House, visitor: Visitor) -> Answer:
        house.pages.add(choices=ALL_CHOICES)
        page = (await visitor.get(URL + "&mode=popup")).page
        return await visitor.follow(await visitor.submit(page.form(end), **fields))

    return see


async def elsewhere(house: House, visitor: Visitor) -> Answer:
    await house.visitor().get(URL)
    return await visitor.get(URL)


async def forged(house: House, visitor: Visitor) -> Answer:
    return await visitor.post(f"/step-up/12-transfer/deny?{BACK}", {})


async def failed(house: House, visitor: Visitor) -> Answer:
    house.pages.fails["challenge"] = StorageError("a secret path")
    return await visitor.get(URL)


async def busy(house: House, visitor: Visitor) -> Answer:
    house.pages.fails["challenge"] = BusyError("full")
    return await visitor.get(URL)


async def refused(house: House, visitor: Visitor) -> Answer:
    await visitor.get("/account?ticket=ticket-1")
    house.account.refused = (TOO_MANY_PROMPTS,)
    return await visitor.get("/account")


async def security(house: House, visitor: Visitor) -> Answer:
    await visitor.get("/account?ticket=ticket-1")
    house.account.page = account_page(hold_until=NOW + MINUTE)
    return await visitor.follow(await visitor.get("/account?note=added"))


async def address(house: House, visitor: Visitor) -> Answer:
    await visitor.get("/account?ticket=ticket-1")
    return await visitor.get("/account/address?factor=sms&note=failed")


async def address_code(house: House, visitor: Visitor) -> Answer:
    form = (await address(house, visitor)).page.form("/account/address")
    return await visitor.follow(await visitor.submit(form, address="+4915123456789"))


SENT = (
    Choice(factor="sms", credential="s", hint="•••23"),
    Choice(factor="email", credential="e", hint="a•••"),
)
PAGES: dict[str, tuple[See, int]] = {
    "challenge": (challenge(), 200),
    "all ways": (challenge(choices=ALL_CHOICES, sent=("email", "push"), number="42"), 200),
    "passkey only": (challenge(choices=ALL_CHOICES[:1]), 200),
    "recovery only": (challenge(choices=ALL_CHOICES[-1:]), 200),
    "code to be sent": (challenge(choices=SENT), 200),
    "code sent": (challenge(URL + "&note=sent&factor=sms", choices=SENT, sent=("sms",)), 200),
    "not accepted": (challenge(URL + "&note=not_accepted&factor=totp"), 200),
    "passkey not accepted": (challenge(URL + "&note=not_accepted&factor=webauthn"), 200),
    "in a popup": (challenge(URL + "&mode=popup"), 200),
    "own": (challenge(action="factor.remove", approval=None, own=True), 200),
    "locked": (challenge(choices=(Choice(factor="totp", locked_until=NOW + MINUTE),)), 200),
    "push": (challenge(f"/step-up/12-transfer/wait?{BACK}", number="42"), 200),
    "push without number": (challenge(f"/step-up/12-transfer/wait?{BACK}"), 200),
    "not ready": (challenge(choices=(), ready=False), 409),
    "no way": (challenge(choices=()), 409),
    "closed": (challenge(f"/step-up/none?{BACK}"), 410),
    "nothing": (challenge("/step-up/%00"), 410),
    "elsewhere": (elsewhere, 403),
    "forged": (forged, 403),
    "our fault": (failed, 500),
    "busy": (busy, 503),
    "denied": (answered("/deny"), 200),
    "provider": (answered("/provider"), 200),
    "done": (answered("/answer", answer='{"good":true}'), 200),
    "security": (security, 200),
    "signed out": (challenge("/account"), 403),
    "bad ticket": (challenge("/account?ticket=none"), 404),
    "refused": (refused, 403),
    "authenticator app": (pressed("/account/totp"), 200),
    "passkey": (pressed("/account/passkey"), 200),
    "address": (address, 200),
    "code of an address": (address_code, 200),
    "recovery codes": (pressed("/account/recovery"), 200),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PAGES)
async def test_every_page_in_every_language(name: str, language: str) -> None:
    """It renders, well formed, and is what a screen reader, a keyboard and the policy want it to be."""
    see, status = PAGES[name]
    house = House()
    visitor = house.visitor()
    visitor.extra = {"accept-language": language}
    answer = await see(house, visitor)
    assert answer.status == status
    page = answer.page
    assert page.all("html") == [{"lang": language}]
    assert len(page.all("title")) == len(page.all("main")) == len(page.all("h1")) == 1
    assert "{" not in page.text.replace("({minutes}", "")
    check_labels(page.tags)
    check_ids(page.tags)
    check_policy(answer)


def check_labels(tags: list[tuple[str, dict[str, str]]]) -> None:
    """Each field has a label, each button a type or the usual one, what describes something is there."""
    labels = {found["for"] for tag, found in tags if tag == "label"}
    ids = {found["id"] for _, found in tags if "id" in found}
    for tag, found in tags:
        if tag == "input" and found.get("type") != "hidden":
            assert found["id"] in labels, found
        for name in ("aria-labelledby", "aria-describedby", "for", "form"):
            assert set(found.get(name, "").split()) <= ids, (tag, found)
        if tag == "a":
            assert found["href"], found


def check_ids(tags: list[tuple[str, dict[str, str]]]) -> None:
    ids = [found["id"] for _, found in tags if "id" in found]
    assert len(ids) == len(set(ids)), sorted(ids)


def check_policy(answer: Answer) -> None:
    """Nothing from elsewhere, nothing inline, the headers of a page."""
    page = answer.page
    for tag, found in page.tags:
        assert tag not in ("style", "iframe", "object", "embed", "img", "base"), tag
        assert not [name for name in found if name.startswith("on") or name == "style"], found
        if tag in ("script", "link"):
            assert re.fullmatch(
                r"/static/[a-z-]+\.[0-9a-f]{16}\.(js|css|svg)", found.get("src", found.get("href", ""))
            )
        if tag == "form":
            assert found["action"].startswith("/")
            assert found["method"] == "post"
    assert re.sub(r"<script[^>]*></script>", "", answer.body).count("<script") == 0
    for form in page.forms:
        assert form.fields["csrf"]
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "form-action": f"'self' https://pay.example.com:8443 {SHOP}",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.media == "text/html; charset=utf-8"


async def test_a_right_code_is_never_more_than_a_redirect() -> None:
    """The page after it is the application's, or one without the code."""
    house = House()
    visitor = house.visitor()
    form = (await visitor.get(URL)).page.form("/answer", factor="totp")
    answer = await visitor.submit(form, answer=RIGHT)
    assert (answer.status, answer.body) == (303, "")


async def test_static_files_may_be_kept_for_ever_and_the_embedded_one_is_for_everybody() -> None:
    """By the hash in the name; what applications import has a name for good, and may be read from their pages."""
    visitor = House().visitor()
    for name in static_files():
        answer = await visitor.get(f"/static/{name}")
        assert answer.status == 200
        assert "set-cookie" not in answer.headers
        embedded = name == "step-up.js"
        assert ("immutable" in answer.headers["cache-control"]) is not embedded
        assert answer.headers.get("access-control-allow-origin") == ("*" if embedded else None)
        assert answer.headers["cross-origin-resource-policy"] == (
            "cross-origin" if embedded else "same-origin"
        )
    for name in ("pages.css", "../site.py", "..%2Fsite.py", ""):
        assert (await visitor.get(f"/static/{name.replace('/', '%2F')}")).status == 404


def test_scripts_put_no_html_into_a_page() -> None:
    """No sink that would read text as markup or code: the policy's trusted types forbid them as well."""
    for name, file in static_files().items():
        if name.endswith(".js"):
            found = re.findall(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\(",
                file.content.decode(),
            )
            assert not found, name


def test_styles_load_nothing() -> None:
    """No font, no picture, no import."""
    (style,) = [file.content.decode() for name, file in static_files().items() if name.endswith(".css")]
    assert "url(" not in style
    assert "@import" not in style
    for feature in (
        "prefers-color-scheme: dark",
        "prefers-reduced-motion",
        "forced-colors",
        ":focus-visible",
    ):
        assert feature in style


def test_every_text_is_there_in_every_language() -> None:
    """The same keys, with the same places for values."""

    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert TEXTS["en"].keys() == TEXTS["de"].keys()
    for key, text in TEXTS["en"].items():
        assert places(text) == places(TEXTS["de"][key]), key


def test_every_reason_of_the_shipped_policy_is_there_in_german() -> None:
    """And no German one is left over."""
    shipped = set(re.findall(r"^\s+reason: (.+)$", default_text(), re.M))
    ours = {one.text for one in (*OURS.values(), TOO_MANY_PROMPTS)}
    assert set(reasons_de.REASONS) == shipped | ours
