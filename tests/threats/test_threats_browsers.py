"""What other sites, other browsers and odd requests can make of our pages: nothing.

CSRF, clickjacking, open redirects, host headers, HEAD, cookies, caches; each over a socket, as a browser would send it.
"""

from urllib.parse import urlsplit

import httpx
import pytest

from stepwarden.console.authorize import AuthorizeSite
from stepwarden.console.site import Site
from tests.threats.page_browser import PageBrowser
from tests.threats.threat_house import CALLBACK, SHOP, House, Person

EVIL = "evil.example"
ELSEWHERE = {
    "other host": "https://evil.example/",
    "suffix": "https://shop.example.com.evil.example/",
    "user": "https://shop.example.com@evil.example/",
    "user with password": "https://shop.example.com:x@evil.example/",
    "scheme relative": "//evil.example/",
    "backslashes": "\\\\evil.example\\",
    "backslash after": "https://shop.example.com\\@evil.example/",
    "http": "http://shop.example.com/",
    "port": "https://shop.example.com:8443/",
    "default port": "https://shop.example.com:443/",
    "upper case": "HTTPS://SHOP.EXAMPLE.COM/",
    "tab": "https://shop.example.com\t.evil.example/",
    "newline": "https://shop.example.com/\r\nLocation: https://evil.example/",
    "blank before": " https://shop.example.com/",
    "script": "javascript:alert(1)//https://shop.example.com/",
    "data": "data:text/html,<script>alert(1)</script>",
    "dot at the end": "https://shop.example.com./",
    "unicode dot": "https://shop.example.com\u3002evil.example/",
    "path only": "/account",
    "nothing": "https://",
    "fragment host": "https://evil.example#https://shop.example.com/",
    "query host": "https://evil.example?https://shop.example.com/",
    "too long": "https://shop.example.com/" + "a" * 3_000,
}


def visitor(house: House) -> Person:
    """Somebody who is known by no device, as our pages see them."""
    return house.person(device=False).sign_in()


def entered(house: House, person: Person) -> PageBrowser:
    """A browser on somebody's own page."""
    found = house.http.post(
        f"/v1/actors/{person.actor}/pages", json={"proved": ["pwd"], "return_to": SHOP + "/me"}
    )
    browser = PageBrowser(house.url, person.ip)
    reply = browser.go(found.json()["url"])
    assert (reply.status_code, urlsplit(str(reply.url)).path) == (200, "/account"), reply.text
    return browser


def posts() -> list[str]:
    return [path for method, path, name in Site.routes if method == "POST"]


def test_attack_every_form_sent_by_another_site(house: House) -> None:
    """CSRF, on every route that takes a form: no token, another browser's, or sent from elsewhere: refused, unread."""
    person = visitor(house)
    browser, other = entered(house, person), entered(house, visitor(house))
    token, theirs = (one.form("/leave")[1]["csrf"] for one in (browser, other))
    before = len(house.entries(person.actor))
    cases: list[tuple[dict[str, str], dict[str, str]]] = [
        ({}, {}),
        ({"csrf": ""}, {}),
        ({"csrf": theirs}, {}),
        ({"csrf": token[:-1]}, {}),
        ({"csrf": token}, {"origin": "https://evil.example"}),
        ({"csrf": token}, {"origin": SHOP}),
        ({"csrf": token}, {"origin": house.url + ".evil.example"}),
        ({"csrf": token}, {"sec-fetch-site": "cross-site"}),
        ({"csrf": token}, {"sec-fetch-site": "same-site"}),
    ]
    for path in posts():
        filled = path.replace("{challenge}", "x")
        for form, headers in cases:
            reply = browser.post(filled, {"factor": "totp", "token": "", **form}, **headers)
            assert reply.status_code == 403, (path, form, headers)
            assert "location" not in reply.headers
        bare = PageBrowser(house.url).post(filled, {"csrf": token})
        assert bare.status_code == 403, path
    assert len(house.entries(person.actor)) == before
    assert browser.go("/account").status_code == 200


def test_attack_a_form_as_json_or_plain_text(house: House) -> None:
    """Types that another site can send without asking are not read, and JSON is no form with a token."""
    browser = entered(house, visitor(house))
    token = browser.form("/leave")[1]["csrf"]
    for media in (
        "text/plain",
        "multipart/form-data; boundary=x",
        "",
        "application/x-www-form-urlencoded; charset=utf-7",
    ):
        reply = browser.http.post("/account/leave", content=f"csrf={token}", headers={"content-type": media})
        assert reply.status_code == 415, media
    reply = browser.http.post("/account/leave", json={"csrf": token})
    assert reply.status_code in (400, 403)
    assert browser.go("/account").status_code == 200


def pages_of(house: House) -> list[httpx.Response]:
    """A reply of every kind: pages, redirects, refusals, JSON for our scripts."""
    person = house.person().sign_in().with_totp()
    url = person.transfer()["challenge"]["url"]
    browser = PageBrowser(house.url, person.ip)
    own = entered(house, visitor(house))
    replies = [
        browser.go(url),
        browser.submit("/answer", form={"factor": "totp"}, answer="000000"),
        browser.go("/step-up/none"),
        browser.go(urlsplit(url).path + "/wait", accept="application/json"),
        browser.go("/account"),
        browser.go("/account?ticket=none"),
        browser.post("/account/leave", {"csrf": "x"}),
        browser.go("/openid/callback?state=x&code=y"),
        browser.go("/openid/authorize?client_id=x"),
        browser.go("/openid/continue"),
        own.go("/account"),
        own.submit("/passkey"),
        own.go("/account/totp"),
        own.go("/account/address?factor=email"),
        own.go("/account/recovery"),
        PageBrowser(house.url).go(url),
    ]
    return [one for reply in replies for one in (*reply.history, reply)]


def test_attack_our_pages_in_somebody_elses_frame(house: House) -> None:
    """Clickjacking: every reply of every page forbids frames, in both ways, and runs nothing that is not ours."""
    for reply in pages_of(house):
        policy = reply.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy, reply.url
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert reply.headers["x-frame-options"] == "DENY"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "no-referrer"


def test_attack_a_cache_keeps_somebodys_page(house: House) -> None:
    """No reply of a page may be kept by anybody; nor may any of the API that has a secret in it."""
    for reply in pages_of(house):
        assert reply.headers["cache-control"] == "no-store", reply.url
        assert "cookie" in reply.headers["vary"]
    person = house.person().sign_in()
    secret = house.http.post(f"/v1/actors/{person.actor}/factors/totp", json={"attempt": ""})
    assert "no-store" in secret.headers["cache-control"]


@pytest.mark.parametrize("name", ELSEWHERE)
def test_attack_open_redirect_by_return_to(house: House, name: str) -> None:
    """An address that is not exactly an application's is no way back: not in the page, not after a confirmation."""
    person = house.person().sign_in().with_totp()
    url = person.transfer()["challenge"]["url"]
    browser = PageBrowser(house.url, person.ip)
    reply = browser.go(str(httpx.URL(url, params={"return_to": ELSEWHERE[name], "state": "s"})))
    assert reply.status_code == 200
    assert EVIL not in reply.text
    # A script's or another scheme's address in any attribute would be a way out, too.
    assert 'href="javascript:' not in reply.text
    reply = browser.submit("/answer", form={"factor": "totp"}, answer=person.code())
    assert (reply.status_code, EVIL in reply.text) == (200, False)
    assert urlsplit(str(reply.url)).netloc == urlsplit(house.url).netloc
    ticket = house.http.post(
        f"/v1/actors/{person.actor}/pages", json={"proved": ["pwd"], "return_to": ELSEWHERE[name]}
    )
    assert ticket.status_code == 422, ticket.text


@pytest.mark.parametrize("name", ELSEWHERE)
def test_attack_open_redirect_by_redirect_uri(house: House, name: str) -> None:
    """Our OpenID provider sends nobody to an address that is not registered, letter by letter."""
    client, stranger = house.client_key.split("_")[1], PageBrowser(house.url).http
    query = {
        "client_id": client,
        "response_type": "code",
        "scope": "openid",
        "code_challenge": "A" * 43,
        "code_challenge_method": "S256",
        "login_hint": "alice",
    }
    for address in (
        ELSEWHERE[name].replace("shop.example.com", "client.example.com"),
        CALLBACK + "/../x",
        CALLBACK + "?x",
    ):
        for method in ("GET", "POST"):
            given = {**query, "redirect_uri": address}
            if method == "GET":
                reply = stranger.get("/openid/authorize", params=given)
            else:
                reply = stranger.post("/openid/authorize", data=given, follow_redirects=True)
            assert (reply.status_code, "location" in reply.headers) == (400, False), address
            assert EVIL not in reply.text


def test_attack_another_host_in_the_header(house: House) -> None:
    """Host: evil. No page, redirect, document, key set or challenge speaks of it: addresses come from the settings."""
    person = house.person().sign_in().with_totp()
    asked = person.transfer()
    told = {
        "host": EVIL,
        "x-forwarded-host": EVIL,
        "x-forwarded-proto": "https",
        "x-original-url": "/" + EVIL,
    }
    with house.server.client(house.key, **told) as http:
        replies = [
            http.get(path)
            for path in (
                "/.well-known/authzen-configuration",
                "/.well-known/openid-configuration",
                "/.well-known/jwks.json",
                "/openapi.json",
                "/docs",
                "/account",
                "/account?ticket=x",
                "/openid/authorize",
                urlsplit(asked["challenge"]["url"]).path,
            )
        ]
        again = http.post("/v1/attempts", json=person.asks("payment", parameters={"amount": 1, "to": "x"}))
        ticket = http.post(f"/v1/actors/{person.actor}/pages", json={"proved": ["pwd"]})
        grant = http.post(
            f"/v1/challenges/{again.json()['challenge']['id']}/answer",
            json={"factor": "totp", "answer": person.code()},
        )
    for reply in (*replies, again, ticket, grant):
        assert EVIL not in reply.text + str(reply.headers), reply.url
    assert again.json()["challenge"]["url"].startswith(house.url + "/step-up/")
    assert ticket.json()["url"].startswith(house.url + "/account?")


def test_attack_a_link_checker_claims_a_challenge_or_uses_up_a_ticket(house: House) -> None:
    """HEAD is refused on whatever is somebody's, changes nothing, and sets no cookie; files still answer it."""
    person = house.person().sign_in().with_totp()
    challenge, stranger = person.transfer()["challenge"]["url"], PageBrowser(house.url).http
    ticket = house.http.post(f"/v1/actors/{person.actor}/pages", json={"proved": ["pwd"]}).json()["url"]
    for url in (
        challenge,
        ticket,
        *(house.url + path for _, path, _ in (*Site.routes, *AuthorizeSite.routes)),
    ):
        if "/static/" in url:
            continue
        reply = stranger.head(url.replace("{challenge}", "x"))
        assert (reply.status_code, "set-cookie" in reply.headers) == (405, False), url
        assert "HEAD" not in reply.headers["allow"]
    browser = PageBrowser(house.url, person.ip)
    assert browser.go(challenge).status_code == 200
    assert urlsplit(str(browser.go(ticket).url)).path != "/account/none"
    assert "stepwarden-account" in str(browser.http.cookies)
    assert stranger.head("/static/step-up.js").status_code == 200
    assert stranger.head("/healthz").status_code == 200


def test_attack_a_cookie_is_read_by_a_script_or_sent_from_elsewhere(house: House) -> None:
    """Every cookie is HttpOnly, SameSite, for the whole host and for no other; leaving takes the page's away."""
    browser = entered(house, visitor(house))
    found = [
        header
        for reply in (PageBrowser(house.url).http.get("/account"), *pages_of(house))
        for header in reply.headers.get_list("set-cookie")
    ]
    assert found
    for cookie in found:
        _, *attributes = cookie.split("; ")
        assert {"Path=/", "HttpOnly", "SameSite=Lax"} <= set(attributes), cookie
        assert not any(one.lower().startswith("domain") for one in attributes)
    left = browser.submit("/leave")
    assert left.status_code == 303
    assert left.headers["location"].startswith(SHOP)
    assert "stepwarden-account" not in str(browser.http.cookies)
    assert browser.go("/account").status_code == 403


def test_attack_static_files_by_another_path(house: House) -> None:
    """No file but our own, by whatever spelling."""
    for path in ("..%2fkeys%2fmaster.key", "%2e%2e", "step-up.js%00", "..", "step-up.js/", "%2Fetc%2Fpasswd"):
        reply = PageBrowser(house.url).http.get(f"/static/{path}")
        assert reply.status_code in (400, 404), path
