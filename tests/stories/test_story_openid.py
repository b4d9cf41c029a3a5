"""A client that knows nothing of us, Authlib's, gets a person stepped up by OpenID Connect, over real sockets.

The person's browser is an HTTP client with cookies that follows redirects and sends our forms; their passkey is
in software. Where the client's own address is reached, the browser stops: nobody listens there.
"""

import html
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
from authlib.common.security import generate_token  # type: ignore[import-untyped]
from authlib.integrations.httpx_client import OAuth2Client  # type: ignore[import-untyped]
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.stepup.software_authenticator import SoftwareAuthenticator
from tests.stories.running import Server, check_log

CALLBACK = "http://127.0.0.1:9/callback"
SETTINGS = '[openid.clients.{client}]\nredirect_uris = ["{callback}"]\n'


class Client:
    """An application with Authlib: what it knows of us is our address, its id and its secret."""

    def __init__(self, issuer: str, key: str) -> None:
        self.id, self.secret = key.split("_")[1], key
        self.http = httpx.Client(base_url=issuer, trust_env=False)
        self.said = self.http.get("/.well-known/openid-configuration").raise_for_status().json()
        self.session = OAuth2Client(
            client_id=self.id,
            client_secret=self.secret,
            redirect_uri=CALLBACK,
            scope="openid",
            code_challenge_method="S256",
            trust_env=False,
        )
        self.verifier, self.nonce, self.state = "", "", ""

    def begin(self, *, pushed: bool, **asked: str) -> str:
        """The address that a browser is sent to."""
        self.verifier, self.nonce = generate_token(48), generate_token(20)
        url, self.state = self.session.create_authorization_url(
            self.said["authorization_endpoint"], code_verifier=self.verifier, nonce=self.nonce, **asked
        )
        if not pushed:
            return str(url)
        given = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        answer = self.http.post(
            self.said["pushed_authorization_request_endpoint"], data=given, auth=(self.id, self.secret)
        )
        assert answer.status_code == 201, answer.text
        query = httpx.QueryParams({"client_id": self.id, "request_uri": answer.json()["request_uri"]})
        return f"{self.said['authorization_endpoint']}?{query}"

    def finish(self, location: str) -> dict[str, Any]:
        """The claims of the identity token, checked as the standards want it."""
        said = parse_qs(urlsplit(location).query)
        assert said["iss"] == [self.said["issuer"]]
        tokens = self.session.fetch_token(
            self.said["token_endpoint"],
            authorization_response=location,
            state=self.state,
            code_verifier=self.verifier,
        )
        keys = KeySet.import_key_set(self.http.get(self.said["jwks_uri"]).raise_for_status().json())
        token = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"])
        claims = CodeIDToken(
            token.claims,
            token.header,
            options={
                "iss": {"value": self.said["issuer"]},
                "aud": {"value": self.id},
                "acr": {"essential": True},
            },
            params={"nonce": self.nonce, "client_id": self.id, "access_token": tokens["access_token"]},
        )
        claims.validate(leeway=5)
        return dict(token.claims)


class Browser:
    """Follows redirects until the client's own address; sends our forms."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.http = httpx.Client(base_url=issuer, trust_env=False)
        self.page = ""
        self.at = ""

    def go(self, url: str) -> str:
        """Where it stops: at the client's address, or at a page of ours."""
        return self._follow(self.http.get(url))

    def send(self, part: str, **fields: str) -> str:
        """Send the form whose address ends so."""
        action = next(
            html.unescape(one)
            for one in re.findall(r'<form method="post" action="([^"]+)"', self.page)
            if urlsplit(html.unescape(one)).path.endswith(part)
        )
        found = re.search(r'name="csrf" value="([^"]+)"', self.page)
        assert found is not None
        form = {"csrf": found[1], **fields}
        return self._follow(self.http.post(urljoin(self.at, action), data=form))

    def options(self) -> str:
        """What the page's script would give to the browser's passkeys."""
        found = re.search(r'data-options="([^"]+)"', self.page)
        assert found is not None, self.page
        return html.unescape(found[1])

    def _follow(self, reply: httpx.Response) -> str:
        while reply.status_code == 303:
            to = urljoin(str(reply.url), reply.headers["location"])
            if to.startswith(CALLBACK):
                return to
            assert to.startswith(self.issuer), to
            reply = self.http.get(to)
        self.page, self.at = reply.text, str(reply.url)
        return self.at


class House:
    """A running service with one client, and alice, who has a passkey and an authenticator's secret."""

    def __init__(self, server: Server, key: str) -> None:
        self.server = server
        self.issuer = server.url.replace("127.0.0.1", "localhost")
        self.key = key
        self.passkey = SoftwareAuthenticator()

    def client(self) -> Client:
        return Client(self.issuer, self.key)

    def browser(self) -> Browser:
        return Browser(self.issuer)

    def approve(self, browser: Browser) -> str:
        """Use the passkey on the page that the browser is at."""
        answer = self.passkey.answer(browser.options(), self.issuer)
        return browser.send("/answer", factor="webauthn", answer=answer)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data = tmp_path_factory.mktemp("openid") / "data"
    server = Server(data, STEPWARDEN_SERVER_HOST="localhost")
    key, admin = server.make_key("decide"), server.make_key("decide,report,administer")
    settings = SETTINGS.format(client=key.split("_")[1], callback=CALLBACK)
    (data / "stepwarden.toml").write_text(settings)
    with server:
        found = House(server, key)
        with server.client(admin) as http:
            begun = http.post("/v1/actors/alice/factors/webauthn/options", json={}).raise_for_status().json()
            made = found.passkey.register(json.dumps(begun["options"]), found.issuer)
            enrolled = http.post(
                "/v1/actors/alice/factors/webauthn",
                json={"draft": begun["draft"], "answer": made, "attempt": ""},
            )
            assert enrolled.status_code == 200, enrolled.text
        yield found
        assert server.stop() == 0
        check_log(data)


def test_a_client_that_knows_nothing_of_us_gets_a_step_up(house: House) -> None:
    """Named by the browser only: a passkey, and an identity token that Authlib takes."""
    client, browser = house.client(), house.browser()
    at = browser.go(client.begin(pushed=False, login_hint="alice", acr_values="nist-aal2", prompt="login"))
    assert urlsplit(at).path.startswith("/step-up/")
    claims = client.finish(house.approve(browser))
    assert (claims["sub"], claims["acr"]) == ("alice", "nist-aal2")
    assert claims["amr"] == ["mfa", "swk", "user"]


def test_a_pushed_request_vouches_and_is_remembered(house: House) -> None:
    """The client saw the password. Then the session holds the level, until something fresher is asked for."""
    client, browser = house.client(), house.browser()
    asked = {"login_hint": "alice", "session": "s-1", "proved": "pwd", "acr_values": "nist-aal2"}
    browser.go(client.begin(pushed=True, **asked))
    first = client.finish(house.approve(browser))
    assert (first["acr"], "pwd" in first["amr"]) == ("nist-aal2", True)
    again = client.finish(browser.go(client.begin(pushed=True, prompt="none", **asked)))
    assert again["auth_time"] == first["auth_time"]
    at = browser.go(client.begin(pushed=True, prompt="login", **asked))
    assert urlsplit(at).path.startswith("/step-up/")
    fresh = client.finish(house.approve(browser))
    assert fresh["auth_time"] >= first["auth_time"]


def test_attack_in_another_browser(house: House) -> None:
    """Mallory's browser begins; alice's is shown nothing, and mallory's goes on nowhere without her."""
    client, mallory, alice = house.client(), house.browser(), house.browser()
    at = mallory.go(client.begin(pushed=False, login_hint="alice"))
    assert alice.http.get(at).status_code == 403
    challenge = urlsplit(at).path.removeprefix("/step-up/")
    reply = alice.http.get("/openid/continue", params={"challenge": challenge, "code": "x"})
    assert (reply.status_code, "location" in reply.headers) == (400, False)


def test_attack_open_redirect_over_http(house: House) -> None:
    """An address that is not registered: an error page, by GET and by POST."""
    client, browser = house.client(), house.browser()
    url = client.begin(pushed=False, login_hint="alice").replace("127.0.0.1%3A9", "evil.example")
    assert "evil.example" in url
    for reply in (
        browser.http.get(url),
        browser.http.post("/openid/authorize", data=dict(httpx.URL(url).params), follow_redirects=True),
    ):
        assert (reply.status_code, "location" in reply.headers) == (400, False)
        assert "evil.example" not in reply.text


def test_attack_a_code_is_good_once_over_http(house: House) -> None:
    """The second use gets nothing, whoever brings it."""
    client, browser = house.client(), house.browser()
    location = browser.go(client.begin(pushed=True, login_hint="alice", session="s-9", proved="pwd"))
    client.finish(location)
    reply = client.http.post(
        client.said["token_endpoint"],
        auth=(client.id, client.secret),
        data={
            "grant_type": "authorization_code",
            "code": parse_qs(urlsplit(location).query)["code"][0],
            "redirect_uri": CALLBACK,
            "code_verifier": client.verifier,
        },
    )
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_grant")
