"""Attacks on the people's pages, each named after itself."""

import re

import pytest

from stepwarden.console.site import Site
from stepwarden.flow.answers import ReasonText
from stepwarden.flow.shown import Activity, Browser, ChallengePage, Choice, Held, SessionShown
from tests.console.fake_flow import ALL_CHOICES, CODE, NOW, RIGHT, FakeAccount, FakePages, account_page
from tests.console.page_visitor import BACK, KEY, SHOP, WARDEN, House, Visitor

pytestmark = pytest.mark.anyio
URL = f"/step-up/12-transfer?{BACK}"
TRICKS = (
    "//evil.example",
    "\\\\evil.example",
    "/\\evil.example",
    "https:/\\evil.example",
    f"{SHOP}.evil.example/",
    f"{SHOP}@evil.example/",
    f"{SHOP}:pass@evil.example/",
    f"{SHOP}\\@evil.example/",
    f"{SHOP}\\.evil.example/",
    f"{SHOP}%40evil.example/",
    f"{SHOP}%2eevil.example/",
    f"{SHOP}:8443/",
    f"{SHOP}:443/",
    "http://shop.example.com/",
    "HTTPS://SHOP.EXAMPLE.COM/",
    "https://SHOP.example.com/",
    "https://shop.example.com。evil.example/",
    "https://ѕhop.example.com/",
    f" {SHOP}/",
    f"{SHOP}/ x",
    f"\t{SHOP}/",
    f"{SHOP}/\r\nset-cookie: a=b",
    f"{SHOP}/\nlocation: https://evil.example",
    f"{SHOP}/\x00",
    "java\tscript:alert(1)",
    "javascript:alert(1)//https://shop.example.com/",
    "data:text/html,<script>alert(1)</script>",
    "blob:https://shop.example.com/1",
    "https:shop.example.com",
    "https:///shop.example.com/",
    "shop.example.com",
    "",
    f"{SHOP}/" + "a" * 3000,
)
XSS = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def visitor(house: House) -> Visitor:
    return house.visitor()


def quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


@pytest.mark.parametrize("trick", TRICKS)
async def test_attack_open_redirect(house: House, visitor: Visitor, trick: str) -> None:
    """No trick gets a link, a redirect or a code to anywhere: the page is shown without a way back."""
    url = f"/step-up/12-transfer?return_to={quoted(trick)}&state=s&mode=popup"
    page = await visitor.get(url)
    assert page.status == 200
    assert "evil" not in page.body
    assert page.headers["cross-origin-opener-policy"] == "same-origin"
    assert not [one for one in page.page.all("a") if one["href"].startswith(("http", "//"))]
    answer = await visitor.submit(page.page.form("/answer", factor="totp"), answer=RIGHT)
    assert answer.location == "/step-up/12-transfer/done"
    done = await visitor.get(answer.location)
    assert CODE not in done.body + str(done.headers)
    assert "evil" not in done.body + str(answer.headers)


@pytest.mark.parametrize("app", ["https://pay.example.com:8443", SHOP])
async def test_a_registered_application_is_returned_to(visitor: Visitor, app: str) -> None:
    """The exact origin, with a port where it has one, whatever path and query follow."""
    for rest in ("", "/", "?a=b", "/x/y?q=%20#top"):
        page = (await visitor.get(f"/step-up/12-transfer?return_to={quoted(app + rest)}")).page
        assert [one for one in page.all("a") if one.get("id") == "back" and one["href"].startswith(app)], rest


@pytest.mark.parametrize(
    "app", ["https://*.example.com", "https://a.example/", "javascript:x", "null", "https://a:443"]
)
def test_attack_a_setting_that_lets_in_more_than_an_origin(app: str) -> None:
    """What is no exact origin is refused at the start."""
    with pytest.raises(ValueError, match="origin"):
        House(apps=(app,))


async def test_attack_csrf_without_a_token(house: House, visitor: Visitor) -> None:
    """Nothing is looked at, and a page says why."""
    await visitor.get(URL)
    for token in ("", "x", "é"):
        answer = await visitor.post(f"/step-up/12-transfer/deny?{BACK}", {"csrf": token})
        assert answer.status == 403
        assert "can’t be trusted" in answer.page.text
    assert "12-transfer" in house.pages.open


async def test_attack_csrf_with_the_token_of_another_browser(house: House, visitor: Visitor) -> None:
    """A token is good for the one cookie that it was made for."""
    mallory = house.visitor()
    stolen = (await mallory.get("/step-up/other")).body
    await visitor.get(URL)
    house.pages.add(id="13-mallory")
    stolen = (await mallory.get("/step-up/13-mallory")).page.form("/deny").fields["csrf"]
    assert (await visitor.post("/step-up/12-transfer/deny", {"csrf": stolen})).status == 403
    assert "12-transfer" in house.pages.open


async def test_attack_csrf_by_a_browser_that_brings_no_cookie(house: House, visitor: Visitor) -> None:
    """Even with a token that would fit the cookie that is made just now."""
    form = (await visitor.get(URL)).page.form("/deny")
    visitor.cookies.clear()
    assert (await visitor.submit(form)).status == 403
    visitor.cookies.clear()
    forged = house.site._guard.csrf("")
    answer = await visitor.post("/step-up/12-transfer/deny", {"csrf": forged})
    assert "can’t be trusted" in answer.page.text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": SHOP},
        {"origin": WARDEN + ".evil.example"},
        {"origin": "http://warden.example.com"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": WARDEN, "sec-fetch-site": "cross-site"},
    ],
)
async def test_attack_a_form_on_another_site(
    house: House, visitor: Visitor, headers: dict[str, str | None]
) -> None:
    """What the browser says about where a form was is believed, even if the token is right."""
    form = (await visitor.get(URL)).page.form("/deny")
    visitor.extra = headers
    assert (await visitor.submit(form)).status == 403
    assert "12-transfer" in house.pages.open


@pytest.mark.parametrize("headers", [{"origin": WARDEN}, {"origin": None, "sec-fetch-site": None}])
async def test_a_form_of_ours_is_taken(visitor: Visitor, headers: dict[str, str | None]) -> None:
    """With our own origin, or from a browser that says nothing about it."""
    form = (await visitor.get(URL)).page.form("/deny")
    visitor.extra = headers
    assert (await visitor.submit(form)).status == 200


async def test_attack_every_route_that_changes_something_wants_the_token(house: House) -> None:
    """Not one is forgotten."""
    visitor = await house.entered()
    posts = [path for method, path, _ in Site.routes if method == "POST"]
    for path in posts:
        answer = await visitor.post(
            path.replace("{challenge}", "12-transfer"), {"factor": "totp", "answer": RIGHT}
        )
        assert answer.status == 403, path
    assert len(posts) > 10
    assert not house.account.done


async def test_attack_a_page_in_a_frame(visitor: Visitor) -> None:
    """Clickjacking: neither old nor new browsers show any of our pages in a frame."""
    for url in (URL, "/step-up/none", "/account", "/openid/callback"):
        headers = (await visitor.get(url)).headers
        assert headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


async def test_attack_a_host_header_of_somebody_elses(visitor: Visitor) -> None:
    """It is in no page and no redirect."""
    visitor.extra = {"host": "evil.example", "x-forwarded-host": "evil.example"}
    page = await visitor.get(URL)
    answer = await visitor.submit(page.page.form("/answer", factor="totp"), answer=RIGHT)
    assert "evil" not in page.body + str(page.headers) + str(answer.headers)


async def test_attack_markup_in_everything_that_is_shown(house: House, visitor: Visitor) -> None:
    """Parameters, names, hints, reasons, the person, the issuer: text stays text."""
    house = House(issuer=XSS, provider=XSS)
    visitor = house.visitor()
    house.pages.add(
        actor=XSS,
        action=XSS,
        resource=XSS,
        parameters={XSS: XSS, "to": XSS},
        reasons=(ReasonText(rule="r", text=XSS, weight=1.0),),
        choices=tuple(
            Choice(factor=one.factor, credential=one.credential, name=XSS, hint=XSS) for one in ALL_CHOICES
        ),
        number=XSS,
        passkeys=XSS,
    )
    for url in (URL, f"/step-up/12-transfer/wait?{BACK}", f"{URL}&note={quoted(XSS)}&factor={quoted(XSS)}"):
        assert_harmless((await visitor.get(url)).body)
    assert_harmless(
        (await visitor.get(f"/step-up/{quoted(XSS).replace('%2F', 'x')}?lang={quoted(XSS)}")).body
    )


async def test_attack_markup_in_what_the_security_page_shows(house: House) -> None:
    """Names of factors, user agents, places, actions."""
    house.account.page = account_page(
        actor=XSS,
        factors=(Held(factor="totp", credential=XSS, name=XSS, since=NOW, last_used=NOW, strong=True),),
        sessions=(SessionShown(token=XSS, last=NOW, where=XSS, agent=XSS, current=False),),
        activity=(
            Activity(
                id=XSS,
                time=NOW,
                action=XSS,
                decision="allow",
                outcome=XSS,
                where=XSS,
                agent=XSS,
                ip=XSS,
                session=XSS,
            ),
        ),
    )
    visitor = await house.entered()
    assert_harmless((await visitor.get("/account")).body)


def assert_harmless(body: str) -> None:
    assert "<script>" not in body
    assert "<img" not in body
    assert not re.search(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', '""', body))


async def test_attack_writing_that_turns_the_line_around(house: House, visitor: Visitor) -> None:
    """A name with an override is seen as an override."""
    house.pages.add(actor="anna\u202egro.live@")
    body = (await visitor.get(URL)).body
    assert "\u202e" not in body
    assert "\\u{202e}" in body


async def test_attack_session_fixation_at_enter(house: House) -> None:
    """The cookie of the page is new when somebody enters, and the one that was there is worth nothing any more."""
    mallory = await house.entered()
    planted = mallory.cookies["__Host-stepwarden-account"]
    victim = house.visitor()
    victim.cookies["__Host-stepwarden-account"] = planted
    await victim.get("/account?ticket=ticket-2")
    assert victim.cookies["__Host-stepwarden-account"] != planted
    assert planted not in house.account.sessions
    assert (await mallory.get("/account")).status == 403


async def test_attack_the_page_session_in_another_browser(house: House) -> None:
    """A stolen cookie of the page shows and does nothing without the one of the browser."""
    visitor = await house.entered()
    thief = house.visitor()
    await thief.get(URL)
    thief.cookies["__Host-stepwarden-account"] = visitor.cookies["__Host-stepwarden-account"]
    shown = await thief.get("/account")
    assert shown.status == 403
    assert not shown.page.forms
    form = (await visitor.get("/account")).page.form("/remove", credential="c3")
    own = (await thief.get(URL)).page.form("/deny").fields["csrf"]
    assert (await thief.submit(form, csrf=own)).status == 403
    assert not house.account.done


async def test_attack_the_ticket_in_a_referer(house: House) -> None:
    """It is gone from the address before anything is loaded, and no page of ours sends a referrer."""
    visitor = house.visitor()
    answer = await visitor.get("/account?ticket=ticket-1")
    assert answer.status == 303
    assert answer.headers["referrer-policy"] == "no-referrer"
    failed = await visitor.get("/account?ticket=ticket-1")
    assert failed.headers["referrer-policy"] == "no-referrer"
    assert "ticket-1" not in answer.body + answer.location + failed.body


async def test_attack_a_code_for_the_opener_of_another_origin(visitor: Visitor) -> None:
    """The target of the message is the registered origin, and no other word of the address comes near it."""
    url = f"/step-up/12-transfer?return_to={SHOP}%2F&mode=popup&app=https://evil.example&origin=https://evil.example"
    answer = await visitor.submit((await visitor.get(url)).page.form("/answer", factor="totp"), answer=RIGHT)
    done = await visitor.get(answer.location)
    assert re.findall(r'data-app="([^"]*)"', done.body) == [SHOP]


async def test_attack_fetching_a_finished_code_from_another_browser(house: House, visitor: Visitor) -> None:
    """Knowing the challenge is not enough."""
    form = (await visitor.get(URL + "&mode=popup")).page.form("/answer", factor="totp")
    answer = await visitor.submit(form, answer=RIGHT)
    thief = house.visitor()
    for extra in ("", "&go=1"):
        stolen = await thief.get(answer.location + extra)
        assert CODE not in stolen.body + str(stolen.headers)
    stolen = await thief.get(answer.location, accept="application/json")
    assert CODE not in stolen.body


async def test_attack_another_change_in_place_of_the_one_that_was_confirmed(house: House) -> None:
    """Coming back for a challenge that was not passed makes nothing; nor does passing one make another's change."""
    visitor = await house.entered()
    house.account.free = False
    page = (await visitor.get("/account")).page
    await visitor.submit(page.form("/remove", credential="c1"))
    remove = "9-factor.remove-webauthn.c1"
    before = list(house.account.asked)
    await visitor.get(f"/account/continue?challenge={remove}")
    assert house.account.asked == before
    asked = await visitor.follow(await visitor.submit(page.form("/sessions", token="s2")))
    answer = await visitor.submit(asked.page.form("/answer", factor="totp"), answer=RIGHT)
    assert answer.location == "/account/continue?challenge=9-security.sessions-s2"
    await visitor.follow(await visitor.get(f"/account/continue?challenge={remove}"))
    assert not house.account.done
    await visitor.follow(answer)
    assert house.account.done == [("end_session", "s2")]


async def test_attack_secrets_in_pages(house: House) -> None:
    """Cookies, codes and tickets stand in no page."""
    visitor = await house.entered()
    bodies = [(await visitor.get(url)).body for url in ("/account", URL, "/account/address?factor=sms")]
    assert len(visitor.cookies) == 2
    for secret in (*visitor.cookies.values(), "ticket-1", CODE):
        assert not any(secret in body for body in bodies)


async def test_cookies_are_as_strict_as_they_can_be(house: House, visitor: Visitor) -> None:
    """256 random bits, with the prefix that no other host can set; in development without, and named differently."""
    answer = await visitor.get(URL)
    assert answer.headers["set-cookie"].endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")
    assert len(visitor.cookies["__Host-stepwarden"]) == 43
    assert "set-cookie" not in (await visitor.get(URL)).headers
    plain = House(public_url="http://localhost:8080", apps=("http://localhost:3000",)).visitor()
    answer = await plain.get("/step-up/12-transfer")
    assert list(plain.cookies) == ["stepwarden"]
    assert "Secure" not in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "query", [b"%ff=%ff", b"a=1&a=2", b"\xff", b"&".join(b"a%d=1" % n for n in range(99))]
)
async def test_attack_a_query_that_cannot_be_read(house: House, query: bytes) -> None:
    """A page says so; nothing is thrown."""
    status, body, _, _ = await house.site.visit(
        "page.challenge", segments=("12-transfer",), query=query, body=b"", headers={}, peer=""
    )
    assert status in (200, 400)
    assert b"<html" in body


async def test_attack_a_body_that_is_no_form(house: House, visitor: Visitor) -> None:
    """It is refused before the token is even looked for."""
    await visitor.get(URL)
    for body in (b"\xff\xfe", b"csrf=%ff", b"csrf=1&csrf=2"):
        status, _, _, _ = await house.site.visit(
            "page.deny", segments=("12-transfer",), query=b"", body=body, headers={}, peer=""
        )
        assert status == 400
    assert "12-transfer" in house.pages.open


def test_a_short_key_is_refused() -> None:
    """Tokens under a key that can be guessed protect nothing."""
    with pytest.raises(ValueError, match="32 bytes"):
        House(key=KEY[:31])


async def test_an_error_that_is_ours_is_not_hidden(house: House, visitor: Visitor) -> None:
    """What is no error of the world goes on to the gateway."""

    class Broken(FakePages):
        async def challenge(self, challenge: str, browser: Browser) -> ChallengePage:
            raise RuntimeError("a bug")

    pages = Broken()
    house.site = Site(
        pages,
        FakeAccount(pages),
        public_url=WARDEN,
        apps=(),
        issuer="x",
        provider="",
        key=KEY,
        clock=lambda: NOW,
        entropy=bytes,
    )
    with pytest.raises(RuntimeError, match="a bug"):
        await house.visitor().get(URL)
