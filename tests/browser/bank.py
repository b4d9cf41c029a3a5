"""An application as its developer would write it: a tiny bank on a port of its own, which sends people to Stepwarden.

It signs people in without asking for a password (it is not what is tested), keeps a session by cookie, and does what
docs/pages.md says: asks for an attempt, sends the browser to the challenge with ``return_to`` and a random ``state``,
compares the state when the browser is back, collects, asks once more with the grant. ``/`` has the same with the
module ``step-up.js`` in a window of its own.

    GET /sign-in?actor=alice     GET /transfer?amount=120000&to=DE89...     GET /confirmed     GET /security
    GET /sign-in-guessed-at?actor=alice     GET /     POST /ask     POST /finish

Everything that it collected is in ``collected``, by actor; everything that went wrong in ``faults``.
``meanwhile`` happens, once, before it collects.
"""

import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from html import escape
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx

COOKIE: Final = "bank"
Fields = dict[str, str]
Seen = dict[str, str]

SCRIPT: Final = """
import { stepUp, StepUpError } from "%(warden)s/static/step-up.js";
const said = document.getElementById("said");
window.heard = [];
addEventListener("message", ({ origin, data }) => window.heard.push({ origin, ...data }));
const post = async (path, body) => (await fetch(path, { method: "POST", body: JSON.stringify(body) })).json();
document.getElementById("pay").addEventListener("click", async () => {
  try {
    const { challenge, code } = await stepUp(post("/ask", {}).then(({ url }) => url), { lang: "en" });
    said.textContent = (await post("/finish", { challenge, code })).said;
  } catch (error) {
    said.textContent = error instanceof StepUpError ? `refused: ${error.code}` : String(error);
  }
});
"""


@dataclass
class SignedIn:
    """One session of the bank's. ``asked`` is the attempt that waits for its confirmation."""

    actor: str
    session: str
    state: str = ""
    asked: dict[str, Any] = field(default_factory=dict)


class Bank:
    """Serve it with ``with``. ``api`` is a client of Stepwarden's with a key; ``warden`` its public address."""

    def __init__(self, api: httpx.Client, warden: str, port: int) -> None:
        self.api = api
        self.warden = warden
        self.url = f"http://localhost:{port}"
        self.collected: dict[str, list[dict[str, Any]]] = {}
        self.faults: list[str] = []
        self.known: dict[str, SignedIn] = {}
        self.meanwhile: Callable[[], object] = lambda: None
        self._server = ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> "Bank":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    # -- what it asks of Stepwarden

    def call(self, path: str, body: object, *, status: int = 200) -> dict[str, Any]:
        """POST JSON, and check the status."""
        answer = self.api.post(path, json=body)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def sign_in(self, actor: str, seen: Seen) -> str:
        """With the right password, on a device that is believed; the cookie."""
        asked = self.call("/v1/attempts", {"action": "login", "actor": actor, **seen})
        assert asked["decision"] == "allow", asked
        session, cookie = secrets.token_hex(8), secrets.token_hex(16)
        told = {"outcome": "success", "proved": ["pwd"], "session": session}
        self.call(f"/v1/attempts/{asked['id']}/outcome", told)
        self.known[cookie] = SignedIn(actor, session)
        return cookie

    def sign_in_guessed_at(self, actor: str, seen: Seen) -> tuple[str, dict[str, Any]]:
        """With the right password, after somebody has tried wrong ones; cookie and answer."""
        body = {"action": "login", "actor": actor, **seen}
        for _ in range(3):
            wrong = self.call("/v1/attempts", body)
            self.call(f"/v1/attempts/{wrong['id']}/outcome", {"outcome": "failure"})
        asked = self.call("/v1/attempts", body)
        assert asked["decision"] == "step_up", asked
        self.call(f"/v1/attempts/{asked['id']}/outcome", {"outcome": "unknown", "proved": ["pwd"]})
        cookie = secrets.token_hex(16)
        self.known[cookie] = SignedIn(actor, "", secrets.token_hex(16), body)
        return cookie, asked

    def order(self, who: SignedIn, seen: Seen, amount: int, to: str) -> dict[str, Any]:
        """A transfer is asked for; the answer."""
        parameters = {"amount": amount, "currency": "EUR", "to": to}
        about = {"action": "transfer", "actor": who.actor, "session": who.session, "parameters": parameters}
        who.asked = {**about, **seen}
        who.state = secrets.token_hex(16)
        return self.call("/v1/attempts", who.asked)

    def finish(self, who: SignedIn, challenge: str, code: str) -> str:
        """The browser is back with a code: collect, and do what was asked for; what the page says."""
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        answer = self.api.post(f"/v1/challenges/{challenge}/collect", json={"code": code})
        if answer.status_code != 200:
            return f"not collected: {answer.json()['code']}"
        passed = answer.json()
        self.collected.setdefault(who.actor, []).append(passed)
        allowed = self.call("/v1/attempts", {**who.asked, "grant": passed["grant"]})
        if allowed["decision"] == "allow":
            who.session = passed["session"]
            told = {"outcome": "success", "session": who.session}
            self.call(f"/v1/attempts/{allowed['id']}/outcome", told)
        return f"{who.asked['action']}: {allowed['decision']}"


class _Handler(BaseHTTPRequestHandler):
    """One request of a browser."""

    protocol_version = "HTTP/1.1"

    def __init__(self, bank: Bank, *connection: Any) -> None:
        self.bank = bank
        super().__init__(*connection)

    def do_GET(self) -> None:
        self._answer(
            {
                "/": self._home,
                "/bank.js": self._script,
                "/favicon.ico": self._nothing,
                "/sign-in": self._sign_in,
                "/sign-in-guessed-at": self._sign_in_guessed_at,
                "/transfer": self._transfer,
                "/confirmed": self._confirmed,
                "/security": self._security,
            }
        )

    def do_POST(self) -> None:
        self._answer({"/ask": self._ask, "/finish": self._finish})

    def _answer(self, pages: dict[str, Callable[[Fields], None]]) -> None:
        parts = urlsplit(self.path)
        try:
            pages[parts.path](dict(parse_qsl(parts.query)))
        except Exception as exc:
            self.bank.faults.append(f"{self.path}: {exc!r}")
            self._page("It went wrong", status=500)
            raise

    def _home(self, query: Fields) -> None:
        script = '<script type="module" src="/bank.js"></script>'
        self._page("The bank", f'<button id="pay">Pay</button><p id="said"></p>{script}')

    def _script(self, query: Fields) -> None:
        self._send(200, (SCRIPT % {"warden": self.bank.warden}).encode(), "text/javascript")

    def _nothing(self, query: Fields) -> None:
        self._send(204, b"", "image/x-icon")

    def _sign_in(self, query: Fields) -> None:
        cookie = self.bank.sign_in(query["actor"], self._seen)
        self._page("Signed in", cookie=cookie)

    def _sign_in_guessed_at(self, query: Fields) -> None:
        cookie, answer = self.bank.sign_in_guessed_at(query["actor"], self._seen)
        self._to_challenge(self.bank.known[cookie], answer, cookie=cookie)

    def _transfer(self, query: Fields) -> None:
        who = self._who()
        answer = self.bank.order(who, self._seen, int(query["amount"]), query["to"])
        if answer["decision"] != "step_up":
            return self._page(f"transfer: {answer['decision']}")
        return self._to_challenge(who, answer)

    def _confirmed(self, query: Fields) -> None:
        who = self._who()
        if query.get("state") != who.state:
            return self._page("another state came back")
        if "error" in query:
            return self._page(f"refused: {query['error']}")
        return self._page(self.bank.finish(who, query["challenge"], query["code"]))

    def _security(self, query: Fields) -> None:
        who = self._who()
        body = {"proved": ["pwd"], "return_to": f"{self.bank.url}/"}
        self._redirect(self.bank.call(f"/v1/actors/{quote(who.actor, safe='')}/pages", body)["url"])

    def _ask(self, query: Fields) -> None:
        self._body()
        answer = self.bank.order(self._who(), self._seen, 9_900, "FR7630006000011234567890189")
        self._json({"url": answer["challenge"]["url"]})

    def _finish(self, query: Fields) -> None:
        given = self._body()
        said = self.bank.finish(self._who(), given["challenge"], given["code"])
        self._json({"said": said})

    def _to_challenge(self, who: SignedIn, answer: dict[str, Any], *, cookie: str = "") -> None:
        back = {"return_to": f"{self.bank.url}/confirmed", "state": who.state}
        self._redirect(f"{answer['challenge']['url']}?{urlencode(back)}", cookie=cookie)

    # -- HTTP

    @property
    def _seen(self) -> Seen:
        """Who asks, as far as the bank can tell. Like Stepwarden it stands behind a proxy that is believed."""
        return {"ip": self.headers["X-Forwarded-For"], "user_agent": self.headers.get("User-Agent", "")}

    def _who(self) -> SignedIn:
        return self.bank.known[SimpleCookie(self.headers.get("Cookie", ""))[COOKIE].value]

    def _body(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return found

    def _page(self, title: str, more: str = "", *, status: int = 200, cookie: str = "") -> None:
        html = f'<!doctype html><html lang="en"><title>{escape(title)}</title><h1>{escape(title)}</h1>{more}'
        self._send(status, html.encode(), "text/html; charset=utf-8", cookie)

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), "application/json")

    def _redirect(self, to: str, *, cookie: str = "") -> None:
        self.send_response(303)
        self.send_header("Location", to)
        self._set_cookie(cookie)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, status: int, body: bytes, media: str, cookie: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(body)))
        policy = f"default-src 'none'; connect-src 'self'; script-src 'self' {self.bank.warden}"
        self.send_header("Content-Security-Policy", policy)
        self._set_cookie(cookie)
        self.end_headers()
        self.wfile.write(body)

    def _set_cookie(self, cookie: str) -> None:
        if cookie:
            self.send_header("Set-Cookie", f"{COOKIE}={cookie}; Path=/; HttpOnly; SameSite=Lax")

    def log_message(self, *_: object) -> None:
        """Not to standard error: what matters is in ``faults``."""
