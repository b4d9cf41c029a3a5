"""What the demonstration does with Stepwarden's pages: its people's browser, its eye on the log, its policy."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest

from demo.bank.feed import Line
from demo.browser import Browser, Page
from demo.logtail import Reader, follow
from demo.policy import policy_text
from stepwarden.policy.cases import load_cases, run
from stepwarden.policy.default import default_cases, default_text
from stepwarden.policy.loader import load
from stepwarden.storage.bundles import pack_entries

BANK, WARDEN = "http://localhost:8000", "http://localhost:8700"
CHALLENGE = """<!doctype html><body>
<form method="post" action="/step-up/c1/answer?state=a&amp;return_to=b" class="answer">
<input type="hidden" name="csrf" value="t&amp;1"><input type="hidden" name="factor" value="totp"><input name="answer">
<input type="checkbox" name="remember"></form>"""


def surf(
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[httpx.Request], httpx.Response],
    *steps: Callable[[Browser], Any],
) -> list[Page]:
    """Walk through these steps over a fake web."""
    real = httpx.AsyncClient

    def client(**given: Any) -> httpx.AsyncClient:
        given.pop("verify")
        return real(**given, transport=httpx.MockTransport(answer))

    monkeypatch.setattr("demo.browser.httpx.AsyncClient", client)

    async def run() -> list[Page]:
        async with Browser(BANK, address="198.51.100.1", agent="Test/1", label="x") as browser:
            return [await step(browser) for step in steps]

    return asyncio.run(run())


def html(text: str) -> httpx.Response:
    return httpx.Response(200, html=text)


def test_people_answer_on_the_page_that_they_were_sent_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The form's own token and fields go back to the form's own address; the label goes to the bank alone."""
    seen: list[httpx.Request] = []

    def web(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.path == "/account" and len(seen) == 1:
            return httpx.Response(303, headers={"location": f"{WARDEN}/step-up/c1"})
        if request.url.path == "/step-up/c1":
            return html(CHALLENGE)
        if request.method == "POST":
            return httpx.Response(303, headers={"location": f"{BANK}/account"})
        return html('<body data-page="account">')

    pages = surf(
        monkeypatch, web, lambda it: it.open("/account"), lambda it: it.enter_code("123456", remember=True)
    )
    assert [page.name for page in pages] == ["challenge", "account"]
    posted = seen[2]
    assert str(posted.url) == f"{WARDEN}/step-up/c1/answer?state=a&return_to=b"
    assert dict(httpx.QueryParams(posted.content.decode())) == {
        "csrf": "t&1",
        "factor": "totp",
        "answer": "123456",
        "remember": "on",
    }
    assert [request.headers.get("x-demo-label") for request in seen] == ["x", None, None, "x"]
    assert {request.headers["x-forwarded-for"] for request in seen} == {"198.51.100.1"}


def test_a_page_that_says_no_is_not_taken_for_a_download(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else an attacker would count the lines of "too many wrong answers" as customers."""
    pages = surf(
        monkeypatch,
        lambda request: (
            html("<p>It is over.") if request.url.path == "/over" else httpx.Response(200, text="a,b")
        ),
        lambda it: it.open("/over"),
        lambda it: it.open("/customers/export.csv"),
    )
    assert [page.name for page in pages] == ["elsewhere", ""]


@pytest.mark.parametrize("target", ["http://203.0.113.5/", "https://bank.example/", "//198.51.100.7/x"])
def test_a_redirect_leads_nobody_off_the_loopback_interface(
    monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    """Wherever a page sends them, nothing goes to another machine."""
    seen: list[str] = []

    def web(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        return httpx.Response(303, headers={"location": target})

    with pytest.raises(ValueError, match="loopback"):
        surf(monkeypatch, web, lambda it: it.open("/"))
    assert seen == ["localhost"]


DECIDED = Line(
    actor="alice", action="transfer", address="127.0.0.1", label="x", id="7-abc", decision="step_up"
)


def entries(*more: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"kind": "attempt.decided", "facts": {"actor": "token-a"}},
        {
            "kind": "challenge.issued",
            "previous": 7,
            "challenge": "c1",
            "actor": "token-a",
            "action": "transfer",
        },
        *more,
    ]


def read(*more: dict[str, Any]) -> list[Line]:
    reader = Reader()
    reader.decided(DECIDED)
    found = [reader.read(index, entry) for index, entry in enumerate(entries(*more), 7)]
    return [line for line in found if line]


@pytest.mark.parametrize(
    ("entry", "step", "how"),
    [
        (
            {"kind": "challenge.answered", "factor": "totp", "result": "wrong"},
            "wrong",
            "an authenticator code",
        ),
        ({"kind": "challenge.answered", "factor": "webauthn", "result": "replayed"}, "replayed", "a passkey"),
        ({"kind": "challenge.failed", "factor": "", "reason": "denied"}, "denied", "another way"),
        ({"kind": "challenge.failed", "factor": "totp"}, "exhausted", "an authenticator code"),
        ({"kind": "challenge.expired"}, "expired", "another way"),
    ],
)
def test_steps_on_the_page_are_read_in_the_log(entry: dict[str, Any], step: str, how: str) -> None:
    """With the person, the address and the label that the bank knows of the attempt."""
    (line,) = read({**entry, "challenge": "c1", "actor": "token-a"})
    assert line == Line(actor="alice", action="transfer", address="127.0.0.1", label="x", step=step, how=how)


def test_a_proof_for_the_bank_is_shown_once() -> None:
    """The bank tells it as it collects it; a proof that the security page asked for is told by the log alone."""
    own = {
        "kind": "challenge.issued",
        "previous": 9,
        "challenge": "c2",
        "actor": "token-a",
        "action": "security.open",
    }
    passed = {"kind": "challenge.passed", "factor": "webauthn", "actor": "token-a"}
    assert read({**passed, "challenge": "c1"}, own, {**passed, "challenge": "c2"}) == [
        Line(actor="alice", action="security.open", address="", step="passed", how="a passkey")
    ]


def test_changes_of_who_is_known_are_shown_and_of_strangers_are_not() -> None:
    """A token that the bank has named nobody for is nobody on the screen."""
    new = {"kind": "factor.enrolled", "factor": "webauthn"}
    assert read(
        {**new, "actor": "token-a"},
        {**new, "actor": "token-z"},
        {"kind": "device.remembered", "actor": "token-a"},
    ) == [
        Line(actor="alice", action="security", address="", step="enrolled", how="a passkey"),
        Line(actor="alice", action="security", address="", step="remembered", how="another way"),
    ]


def test_the_log_is_followed_from_now_on_across_bundles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing twice, nothing skipped, and nothing from before, over a full bundle of 256 entries."""
    log: list[dict[str, Any]] = [{"kind": "service.started"}] * 250
    reader, shown, polls = Reader(), list[Line](), 0
    for index in range(250, 260):
        reader.decided(Line(actor=f"p{index}", action="login", address="", id=f"{index}-x"))

    def web(request: httpx.Request) -> httpx.Response:
        nonlocal polls
        if request.url.path == "/log/checkpoint":
            polls += 1
            if polls == 2:
                log.extend({"kind": "attempt.decided", "facts": {"actor": f"t{n}"}} for n in range(250, 260))
                log.extend(
                    {"kind": "factor.enrolled", "factor": "totp", "actor": f"t{n}"} for n in range(250, 260)
                )
            if polls == 3:
                log.append({"kind": "factor.enrolled", "factor": "totp", "actor": "t250"})
            if polls == 4:
                raise asyncio.CancelledError
            return httpx.Response(200, text=f"origin\n{len(log)}\nroot\n")
        full = request.url.path == "/log/tile/entries/000"
        part = log[:256] if full else log[256:]
        assert full or request.url.path == f"/log/tile/entries/001.p/{len(part)}"
        return httpx.Response(200, content=pack_entries([msgspec.json.encode(one) for one in part]))

    real = httpx.AsyncClient
    monkeypatch.setattr(
        "demo.logtail.httpx.AsyncClient", lambda **given: real(**given, transport=httpx.MockTransport(web))
    )
    monkeypatch.setattr("demo.logtail.EVERY", 0)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(follow(WARDEN, reader, shown.append))
    assert [line.actor for line in shown] == [f"p{n}" for n in [*range(250, 260), 250]]


def test_the_policy_asks_what_the_shipped_one_asks() -> None:
    """Only words are added: the shipped policy's cases hold, and each action is assessed as the shipped policy does."""
    ours, shipped = load(policy_text()), load(default_text())
    cases = load_cases(default_cases(), ours)
    assert [result.case.name for result in run(ours, cases) if result.failures] == []
    for action in ("login", "transfer", "mail.change", "customers.export", "customers.read", "balance.read"):
        for case in cases:
            facts = msgspec.structs.replace(case.facts, action=action)
            here, there = (policy.assess(facts, case.values, case.standing) for policy in (ours, shipped))
            assert (here.demand, here.evidence) == (there.demand, there.evidence), (action, case.name)
    login = ours.approval("login")
    assert login is not None
    assert login.templates["en"].format() == "Sign in to Acme Bank"
