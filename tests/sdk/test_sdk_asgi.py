"""The middleware in front of a tiny application: what is asked, what is refused unasked, and how it says
so."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.sdk import (
    Allowed,
    AsyncClient,
    Handle,
    Identity,
    Open,
    Protected,
    SelfAsking,
    StepwardenMiddleware,
)
from stepwarden.sdk.routes import RouteTable, is_plain
from tests.sdk.fake_stepwarden import KEY, FakeStepwarden

ROUTES = [
    Open("GET", "/api/public"),
    Protected("GET", "/api/balance", action="balance.read"),
    Protected("GET", "/api/files/{name}", action="file.read", resource="file:{name}"),
    SelfAsking("POST", "/api/transfer"),
    SelfAsking("POST", "/api/forgetful"),
    Protected("WEBSOCKET", "/api/live", action="live.read"),
]


class Application:
    """Answers 200 to everything and remembers what reached it."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        self.status = 200

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.reached.append(scope["path"])
        handle: Handle = scope["state"]["stepwarden"]
        if scope["path"] == "/api/transfer":
            decision = await handle.attempt("transfer", parameters={"amount": 5, "payee": "bob"})
            self.status = 200 if isinstance(decision, Allowed) else 403
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b"reached"})


def guarded(fake: FakeStepwarden, app: Application, **more: Any) -> tuple[StepwardenMiddleware, AsyncClient]:
    client = AsyncClient(fake.url, key=KEY, timeout=0.5)
    identity = Identity(actor="alice", session="s1", device="d1")
    options: dict[str, Any] = {
        "protected": ["/api"],
        "routes": ROUTES,
        "identify": lambda scope: identity,
    } | more
    return StepwardenMiddleware(app, client=client, **options), client


def call(
    fake: FakeStepwarden, app: Application, method: str, path: str, *, headers: Any = None, **more: Any
) -> httpx.Response:
    async def run() -> httpx.Response:
        middleware, client = guarded(fake, app, **more)
        transport = httpx.ASGITransport(app=middleware, client=("127.0.0.1", 5))
        async with client, httpx.AsyncClient(transport=transport, base_url="http://app") as web:
            return await web.request(method, path, headers=headers)

    return asyncio.run(run())


def test_a_declared_action_is_asked_with_everything_that_is_known(fake: FakeStepwarden) -> None:
    """Peer, forwarded header, agent, identity, device and resource reach Stepwarden as they came."""
    headers = [("x-forwarded-for", "198.51.100.7"), ("x-forwarded-for", "junk"), ("user-agent", "Test/1")]
    answer = call(fake, Application(), "GET", "/api/files/plan.txt", headers=headers)
    assert answer.status_code == 200
    assert fake.sent("/v1/attempts") == [
        {
            "action": "file.read",
            "actor": "alice",
            "session": "s1",
            "resource": "file:plan.txt",
            "peer": "127.0.0.1",
            "forwarded_for": "198.51.100.7, junk",
            "user_agent": "Test/1",
            "device": {"id": "d1"},
        }
    ]
    assert [body["outcome"] for body in fake.sent("/outcome")] == ["success"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/undeclared"),
        ("DELETE", "/api/balance"),
        ("OPTIONS", "/api/balance"),
        ("GET", "/api"),
        ("GET", "/api/"),
        ("GET", "/API/balance"),
        ("GET", "/api/balance/"),
        ("GET", "/api/files/a/b"),
        ("POST", "/api/public"),
    ],
)
def test_default_deny(fake: FakeStepwarden, method: str, path: str) -> None:
    """Under a protected prefix, what is not declared is refused, and neither handler nor Stepwarden hears of
    it."""
    app = Application()
    assert call(fake, app, method, path).status_code == 403
    assert (app.reached, fake.requests) == ([], [])


@pytest.mark.parametrize(
    "path", ["//api/balance", "/x/../api/balance", "/api//balance", "/./api/balance", "/a\\b"]
)
def test_second_spellings_of_a_path_are_refused(fake: FakeStepwarden, path: str) -> None:
    """A path that frameworks may read in two ways reaches no handler, protected or not."""
    app = Application()

    async def run() -> list[Any]:
        middleware, client = guarded(fake, app)
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async with client:
            await middleware(http_scope(path), no_receive, send)
        return sent

    assert asyncio.run(run())[0]["status"] == 400
    assert app.reached == []


async def no_receive() -> Any:
    return {"type": "http.request", "body": b""}


def http_scope(path: str, kind: str = "http") -> dict[str, Any]:
    return {"type": kind, "method": "GET", "path": path, "headers": [], "client": ("127.0.0.1", 1)}


def test_open_and_unprotected_routes_are_not_asked(fake: FakeStepwarden) -> None:
    """Nothing is sent for them; the handle is there all the same."""
    app = Application()
    assert call(fake, app, "GET", "/api/public").status_code == 200
    assert call(fake, app, "GET", "/elsewhere").status_code == 200
    assert call(fake, app, "HEAD", "/api/public").status_code == 200
    assert fake.requests == []


def test_a_refusal_reaches_no_handler(fake: FakeStepwarden) -> None:
    """Denied: 403 with the reasons, for programs as a problem document."""
    fake.decide = lambda attempt: "deny"
    app = Application()
    answer = call(fake, app, "GET", "/api/balance")
    assert (answer.status_code, app.reached) == (403, [])
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["reasons"] == ["A device not seen before."]


def test_a_step_up_is_said_in_the_words_of_rfc_9470(fake: FakeStepwarden) -> None:
    """Programs get 401, the level, the age and the challenge."""
    fake.decide = lambda attempt: "step_up"
    answer = call(fake, Application(), "GET", "/api/balance")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == (
        'Bearer error="insufficient_user_authentication", acr_values="nist-aal2", max_age="300"'
    )
    assert answer.json()["challenge"]["factors"] == ["totp", "recovery"]


@pytest.mark.parametrize(("said", "page"), [("step_up", "/code"), ("deny", "/refused")])
def test_browsers_are_sent_to_the_applications_own_page(fake: FakeStepwarden, said: str, page: str) -> None:
    """A navigation is redirected; a program that asks for JSON is not."""
    fake.decide = lambda attempt: said

    def to(address: str) -> Callable[..., Awaitable[str]]:
        async def go(scope: Any, decision: Any, route: Any, resource: str) -> str:
            return f"{address}?for={route.action}:{resource}"

        return go

    pages = {"on_step_up": to("/code"), "on_denied": to("/refused")}
    html = {"accept": "text/html,*/*"}
    answer = call(fake, Application(), "GET", "/api/files/x", headers=html, **pages)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{page}?for=file.read:file:x")
    answer = call(fake, Application(), "GET", "/api/files/x", headers={"accept": "application/json"}, **pages)
    assert answer.status_code in {401, 403}


@pytest.mark.parametrize(("on_outage", "status"), [("deny", 403), ("step_up", 401)])
def test_an_outage_is_what_the_route_declares(fake: FakeStepwarden, on_outage: Any, status: int) -> None:
    """Both choices, per route; neither reaches the handler."""
    fake.broken = "503"
    app = Application()
    routes = [Protected("GET", "/api/x", action="x.read", on_outage=on_outage)]
    assert call(fake, app, "GET", "/api/x", routes=routes).status_code == status
    assert app.reached == []


def test_a_stored_grant_is_presented_once(fake: FakeStepwarden) -> None:
    """``grants`` is asked with action and resource, and its grant goes into the attempt."""
    fake.decide = lambda attempt: "step_up"
    fake.grants["g1"] = "file.read"
    stored = {("file.read", "file:x"): "g1"}

    def take(scope: Any, action: str, resource: str) -> str:
        return stored.pop((action, resource), "")

    assert call(fake, Application(), "GET", "/api/files/x", grants=take).status_code == 200
    assert call(fake, Application(), "GET", "/api/files/x", grants=take).status_code == 401
    assert [body.get("grant", "") for body in fake.sent("/v1/attempts")] == ["g1", ""]


def test_a_handler_that_asks_by_itself(fake: FakeStepwarden) -> None:
    """Its parameters are sent, and its own answer is passed through."""
    assert call(fake, Application(), "POST", "/api/transfer").status_code == 200
    assert fake.sent("/v1/attempts")[0]["parameters"] == {"amount": 5, "payee": "bob"}
    fake.decide = lambda attempt: "deny"
    assert call(fake, Application(), "POST", "/api/transfer").status_code == 403


def test_a_handler_that_promised_to_ask_and_did_not_is_an_error(fake: FakeStepwarden) -> None:
    """Forgetting the question does not pass silently."""
    with pytest.raises(RuntimeError, match="without asking"):
        call(fake, Application(), "POST", "/api/forgetful")


def test_a_hostile_user_agent_is_a_bad_request(fake: FakeStepwarden) -> None:
    """What Stepwarden cannot accept never reaches the handler, and is not our 500."""
    app = Application()
    answer = call(fake, app, "GET", "/api/balance", headers={"user-agent": "x" * 3000})
    assert (answer.status_code, app.reached) == (400, [])


@pytest.mark.parametrize(
    ("status", "reported"), [(200, ["success"]), (403, ["failure"]), (404, []), (500, [])]
)
def test_outcomes_follow_the_status(fake: FakeStepwarden, status: int, reported: list[str]) -> None:
    """Only what says something about the attempt is reported."""
    app = Application()
    app.status = status
    assert call(fake, app, "GET", "/api/balance").status_code == status
    assert [body["outcome"] for body in fake.sent("/outcome")] == reported


@pytest.mark.parametrize(("said", "first"), [("allow", "websocket.accept"), ("deny", "websocket.close")])
def test_websockets_are_protected_too(fake: FakeStepwarden, said: str, first: str) -> None:
    """A refused websocket is closed before it is accepted."""
    fake.decide = lambda attempt: said

    async def run() -> list[Any]:
        middleware, client = guarded(fake, Application())
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async with client:
            await middleware(http_scope("/api/live", "websocket"), no_receive, send)
            await middleware(http_scope("/api/other", "websocket"), no_receive, send)
        return sent

    sent = asyncio.run(run())
    assert sent[0]["type"] == first
    assert sent[1]["type"] == "websocket.close"


@given(st.text(alphabet="/.ab\\\x00%~", max_size=12))
def test_plain_paths_have_one_reading(path: str) -> None:
    """What counts as plain has no empty, dot or backslash segment."""
    if is_plain(path):
        inner = path.split("/")[1:-1]
        assert path.startswith("/")
        assert all(part and part not in {".", ".."} for part in inner)
        assert "\\" not in path
        assert "\x00" not in path


@given(st.text(max_size=20))
def test_placeholders_never_swallow_a_slash(name: str) -> None:
    """``{name}`` is one segment, and the resource says exactly that segment."""
    table = RouteTable([Protected("GET", "/f/{name}", action="f.read", resource="f:{name}")])
    found = table.find("GET", f"/f/{name}")
    if found is None:
        assert not name or "/" in name
    else:
        assert found.resource == f"f:{name}"


def test_a_resource_with_an_unknown_placeholder_is_found_at_start() -> None:
    """A typing mistake in the table is no surprise at run time."""
    with pytest.raises(ValueError, match="placeholder"):
        RouteTable([Protected("GET", "/f/{name}", action="f.read", resource="{nmae}")])
