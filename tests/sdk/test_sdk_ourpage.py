"""To Stepwarden's page and back: whose step-up is collected, where one goes on, under which session."""

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from stepwarden.sdk import (
    AsyncClient,
    Identity,
    Open,
    Passed,
    Pending,
    Protected,
    Route,
    StepUpPage,
    StepwardenMiddleware,
)
from stepwarden.sdk.ourpage import is_own_path
from tests.sdk.fake_stepwarden import KEY, FakeStepwarden

ORIGIN = "https://shop.example"
HTML = {"accept": "text/html"}
ROUTES: list[Route] = [
    Open("GET", "/"),
    Protected("GET", "/files/{name}", action="file.read", resource="file:{name}"),
    Protected("POST", "/transfer", action="transfer"),
    Protected("GET", "/vault", action="vault.read", acr_values="nist-aal3", max_age=60),
]


class Sessions:
    """An application's sessions by their cookie; what ``Keeper`` asks for."""

    def __init__(self) -> None:
        self.pending: dict[tuple[str, str], Pending] = {}
        self.done: dict[tuple[str, str, str], Passed] = {}
        self.moves: list[tuple[str, str]] = []

    async def keep(self, scope: Any, pending: Pending) -> None:
        self.pending[cookie(scope), pending.challenge] = pending

    async def take(self, scope: Any, challenge: str) -> Pending | None:
        return self.pending.pop((cookie(scope), challenge), None)

    async def passed(self, scope: Any, pending: Pending, passed: Passed) -> None:
        self.done[cookie(scope), pending.action, pending.resource] = passed

    async def grant(self, scope: Any, action: str, resource: str) -> Passed | None:
        return self.done.pop((cookie(scope), action, resource), None)

    async def moved(self, scope: Any, passed: Passed) -> list[tuple[bytes, bytes]]:
        self.moves.append((cookie(scope), passed.session))
        return [(b"set-cookie", f"s={passed.session}; HttpOnly".encode())]


def cookie(scope: Any) -> str:
    return next((value.decode()[2:] for name, value in scope["headers"] if name == b"cookie"), "")


class Shop:
    """An application behind the middleware, and browsers that ask it."""

    def __init__(self, fake: FakeStepwarden, **more: Any) -> None:
        self.fake = fake
        self.sessions = Sessions()
        self.reached: list[str] = []
        self.more = more

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        self.reached.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-app", b"1")]})
        await send({"type": "http.response.body", "body": b"reached"})

    def ask(
        self, path: str, *, session: str = "s1", method: str = "GET", headers: Any = None
    ) -> httpx.Response:
        async def run() -> httpx.Response:
            client = AsyncClient(self.fake.url, key=KEY, timeout=2)
            page = StepUpPage(origin=ORIGIN, keeper=self.sessions, **self.more)
            middleware = StepwardenMiddleware(
                self.app,
                client=client,
                identify=lambda scope: Identity(actor="alice", session=cookie(scope), device_token="dt"),
                routes=ROUTES,
                protected=["/"],
                step_up=page,
            )
            transport = httpx.ASGITransport(app=middleware, client=("127.0.0.1", 5))
            sent = {"cookie": f"s={session}", **(HTML if headers is None else headers)}
            async with client, httpx.AsyncClient(transport=transport, base_url="http://evil.host") as web:
                return await web.request(method, path, headers=sent)

        return asyncio.run(run())

    def away(self, path: str = "/files/plan?x=1&y=%26", **more: Any) -> tuple[str, str]:
        """Be sent to Stepwarden's page: the challenge and the state."""
        self.fake.decide = lambda attempt: "step_up"
        reply = self.ask(path, **more)
        assert reply.status_code == 303
        parts = urlsplit(reply.headers["location"])
        query = parse_qs(parts.query)
        assert f"{parts.scheme}://{parts.netloc}" == "https://warden.example"
        assert query["return_to"] == [f"{ORIGIN}/step-up/done"]
        return parts.path.removeprefix("/step-up/"), query["state"][0]

    def back(self, challenge: str, state: str, *, session: str = "s1", code: str = "") -> httpx.Response:
        code = code or f"code-of-{challenge}"
        return self.ask(f"/step-up/done?challenge={challenge}&code={code}&state={state}", session=session)


def test_there_and_back_again(fake: FakeStepwarden) -> None:
    """Sent away, collected, on to where it began, allowed once, and the session goes on under the new id."""
    shop = Shop(fake)
    challenge, state = shop.away()
    reply = shop.back(challenge, state)
    assert (reply.status_code, reply.headers["location"]) == (303, "/files/plan?x=1&y=%26")
    assert shop.reached == []
    reply = shop.ask("/files/plan?x=1&y=%26")
    assert (reply.status_code, reply.text, shop.reached) == (200, "reached", ["/files/plan"])
    assert reply.headers["set-cookie"] == f"s=session-of-{challenge}; HttpOnly"
    assert reply.headers["x-app"] == "1"
    assert shop.sessions.moves == [("s1", f"session-of-{challenge}")]
    assert fake.sent("/v1/attempts")[-1]["grant"] == f"grant-of-{challenge}"
    assert fake.sent("/v1/attempts")[-1]["session"] == "s1"
    assert fake.sent("/v1/attempts")[-1]["device"] == {"token": "dt"}
    assert fake.sent("/outcome") == [
        {"outcome": "success", "proved": [], "session": f"session-of-{challenge}"}
    ]
    assert shop.ask("/files/plan").status_code == 303  # the grant was good once


def test_attack_a_code_that_somebody_obtained_for_themselves(fake: FakeStepwarden) -> None:
    """Session swapping: a link with my code and my state, opened in your session, is collected by nobody."""
    shop = Shop(fake)
    challenge, state = shop.away(session="mine")
    reply = shop.back(challenge, state, session="yours")
    assert (reply.status_code, reply.json()["code"]) == (403, "step_up.unknown")
    assert fake.sent("/collect") == []
    assert shop.back(challenge, state, session="mine").status_code == 303


@pytest.mark.parametrize("state", ["", "x", "wrong-state-of-the-right-length"])
def test_attack_the_right_session_with_another_state(fake: FakeStepwarden, state: str) -> None:
    """A challenge's name is no secret: without the state nothing is collected, and there is one try."""
    shop = Shop(fake)
    challenge, right = shop.away()
    assert shop.back(challenge, state).status_code == 403
    assert fake.sent("/collect") == []
    assert shop.back(challenge, right).status_code == (303 if not state else 403)


def test_attack_a_code_of_another_challenge(fake: FakeStepwarden) -> None:
    """Stepwarden refuses it, and the person is told no more than that."""
    shop = Shop(fake)
    challenge, state = shop.away()
    other, _ = shop.away("/files/other")
    reply = shop.back(challenge, state, code=f"code-of-{other}")
    assert reply.status_code == 403
    assert shop.sessions.done == {}


def test_attack_the_way_back_used_twice(fake: FakeStepwarden) -> None:
    """Reloading, or replaying from a history, collects nothing."""
    shop = Shop(fake)
    challenge, state = shop.away()
    assert shop.back(challenge, state).status_code == 303
    assert shop.back(challenge, state).status_code == 403


@pytest.mark.parametrize(
    "query",
    [
        "",
        "challenge=c",
        "challenge=c&code=d",
        "challenge=a&challenge=b&code=d&state=e",
        "challenge=%ff&code=%00&state=%ff",
    ],
)
def test_a_way_back_that_says_too_little_or_too_much(fake: FakeStepwarden, query: str) -> None:
    """Refused, and Stepwarden hears of none."""
    assert Shop(fake).ask(f"/step-up/done?{query}").status_code == 403
    assert fake.requests == []


def test_a_posted_form_goes_on_at_a_page(fake: FakeStepwarden) -> None:
    """It cannot be posted again by a redirect."""
    shop = Shop(fake, after="/transfer-again")
    challenge, state = shop.away("/transfer", method="POST")
    assert shop.back(challenge, state).headers["location"] == "/transfer-again"


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("/", True),
        ("/a?b=//c", True),
        ("//evil.example", False),
        ("/\\evil.example", False),
        ("https://evil.example", False),
        ("", False),
        ("/a b", False),
        ("/a\r\nset-cookie: x", False),
        ("/ä", False),
    ],
)
def test_attack_an_open_redirect(path: str, own: bool) -> None:
    """Where somebody goes on is a path of the application in one reading only."""
    assert is_own_path(path) is own
    for name in ("after", "callback"):
        if not own:
            with pytest.raises(ValueError, match="paths"):
                StepUpPage(origin=ORIGIN, keeper=Sessions(), **{name: path})


@pytest.mark.parametrize("origin", ["shop.example", "https://shop.example/", "ftp://x", "https://a@b/c", ""])
def test_the_origin_is_one(origin: str) -> None:
    """A mistake in it is found at the start."""
    with pytest.raises(ValueError, match="origin"):
        StepUpPage(origin=origin, keeper=Sessions())


def test_programs_are_told_where_the_page_is(fake: FakeStepwarden) -> None:
    """401 in the words of RFC 9470, the page's address beside it; nobody is redirected."""
    fake.decide = lambda attempt: "step_up"
    reply = Shop(fake).ask("/files/plan", headers={"accept": "application/json"})
    assert reply.status_code == 401
    assert 'acr_values="nist-aal2", max_age="300"' in reply.headers["www-authenticate"]
    assert reply.json()["challenge"]["url"].startswith("https://warden.example/step-up/")


def test_what_a_route_asks_for_is_asked_for_each_time(fake: FakeStepwarden) -> None:
    """Level and age go with every attempt, with and without a grant."""
    fake.demand = {"aal": 3, "max_age": 60}
    shop = Shop(fake)
    assert shop.ask("/vault").status_code == 200
    challenge, state = shop.away("/vault")
    shop.back(challenge, state)
    assert shop.ask("/vault").status_code == 200
    asked = fake.sent("/v1/attempts")
    assert [(one["acr_values"], one["max_age"]) for one in asked] == [("nist-aal3", 60)] * 3


@pytest.mark.parametrize(
    "demand", [{"aal": 2, "max_age": 60}, {"aal": 3, "max_age": 300}, {"aal": 3, "max_age": -1}]
)
def test_attack_acr_values_stripped_on_the_way(fake: FakeStepwarden, demand: dict[str, int]) -> None:
    """An allowance for less than the route asks is none: 401, and the handler hears of nothing."""
    fake.demand = demand
    shop = Shop(fake)
    reply = shop.ask("/vault")
    assert reply.status_code == 401
    assert 'acr_values="nist-aal3", max_age="60"' in reply.headers["www-authenticate"]
    assert shop.reached == []


def test_a_level_that_nobody_knows_is_found_at_the_start() -> None:
    """Else the route would ask for nothing."""
    with pytest.raises(ValueError, match="known"):
        Protected("GET", "/x", action="x", acr_values="aal2")
    with pytest.raises(ValueError, match="seconds"):
        Protected("GET", "/x", action="x", max_age=-1)
