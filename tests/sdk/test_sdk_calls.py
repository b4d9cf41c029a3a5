"""Every call of both clients against the real gateway: what is sent is read, what is answered is understood."""

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from stepwarden.gateway.application import build
from stepwarden.sdk import AsyncClient, Client, ClosedError, Grant, RequestRefusedError
from stepwarden.sdk.calls import AsyncCalls, Calls
from tests.gateway.conftest import ALL, SETTINGS, running
from tests.gateway.gateway_fake import FakeService
from tests.gateway.gateway_proving import GRANT, JWKS

EVERY: list[tuple[str, tuple[str, ...], dict[str, Any], tuple[str, Any]]] = [
    ("passkey_options", ("c-1",), {}, ("passkeys", "c-1")),
    ("send_code", ("c-1",), {"factor": "email"}, ("send", ("c-1", "email", "", "en", "all"))),
    ("collect", ("c-1", "right"), {}, ("collect", ("c-1", "right", "all"))),
    ("deny", ("c-1",), {}, ("deny", ("c-1", "all"))),
    (
        "page",
        ("a/b",),
        {"proved": ["pwd"], "return_to": "https://shop.example/", "language": "de"},
        ("page", ("a/b", ("pwd",), "https://shop.example/", "de", "")),
    ),
    ("introspect", (GRANT,), {}, ("introspect", GRANT)),
    ("redeem", (GRANT,), {}, ("redeem", (GRANT, "all"))),
    ("factors", ("a/b",), {}, ("listing", ("a/b", "all"))),
    ("begin_passkey", ("alice",), {}, ("begin_passkey", "alice")),
    (
        "enrol_passkey",
        ("alice",),
        {"draft": "d", "answer": "{}", "name": "phone", "attempt": "1-a"},
        ("enrol_passkey", ("alice", "d", "{}", "phone", "1-a", "all")),
    ),
    (
        "enrol_address",
        ("alice",),
        {"factor": "sms", "address": "+15550100"},
        ("enrol_address", ("alice", "sms", "+15550100", "", "all")),
    ),
    (
        "remove_factor",
        ("alice",),
        {"factor": "totp", "credential": "9c0e", "attempt": "1-a"},
        ("remove", ("alice", "totp", "9c0e", "1-a", "all")),
    ),
    ("reset_factors", ("alice",), {"reason": "request 1"}, ("reset", ("alice", "request 1", "all"))),
    (
        "revoke_sessions",
        ("alice",),
        {"reason": "request 1", "session": "s"},
        ("revoke", ("alice", "s", "request 1", "all")),
    ),
    ("forget_devices", ("alice",), {"device": "d"}, ("forget_device", ("alice", "d", "all"))),
]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[FakeService, str]]:
    fake = FakeService()
    with running(build(fake, SETTINGS)) as url:
        yield fake, url


@pytest.mark.parametrize(("name", "args", "more", "called"), EVERY, ids=[one[0] for one in EVERY])
def test_each_call_reaches_the_service(
    served: tuple[FakeService, str], name: str, args: tuple[str, ...], more: dict[str, Any], called: Any
) -> None:
    """By either client, with the same values and the same result."""
    fake, url = served
    fake.reset()
    with Client(url, key=ALL) as client:
        result = getattr(client, name)(*args, **more)
    assert fake.calls == [called]
    fake.reset()

    async def ask() -> Any:
        async with AsyncClient(url, key=ALL) as client:
            return await getattr(client, name)(*args, **more)

    assert asyncio.run(ask()) == result
    assert fake.calls == [called]


def test_no_call_is_left_out() -> None:
    """The list above has all of them, and the two halves are the same."""
    names = {name for name, _ in inspect.getmembers(Calls, inspect.isfunction) if not name.startswith("_")}
    assert names == {one[0] for one in EVERY} | {"key_set"}
    for name in names:
        both = [inspect.signature(getattr(half, name)) for half in (Calls, AsyncCalls)]
        assert both[0] == both[1]


def test_results_are_what_the_service_said(served: tuple[FakeService, str]) -> None:
    """Values, not shapes only; a used grant is None, never something that looks like one."""
    fake, url = served
    fake.reset()
    with Client(url, key=ALL) as client:
        passed = client.collect("c-1", "right")
        assert (passed.session, passed.device, passed.aal) == ("s-new", "", 2)
        assert "s-new" not in repr(passed)
        assert client.passkey_options("c-1")["userVerification"] == "required"
        assert client.begin_passkey("alice").options["rp"] == {"id": "warden.example", "name": "Stepwarden"}
        assert client.factors("alice")[0].factor == "totp"
        assert client.page("alice", proved=()).url.endswith("?ticket=t")
        assert "ticket" not in repr(client.page("alice", proved=()))
        assert client.reset_factors("alice", reason="request 1") == 3
        assert client.key_set() == JWKS
        assert isinstance(client.redeem(GRANT), Grant)
        assert client.redeem(GRANT) is None
        assert client.introspect(GRANT) is None
        with pytest.raises(ClosedError):
            client.collect("c-1", "wrong")
        with pytest.raises(RequestRefusedError):
            client.page("alice", proved=(), return_to="https://evil.example/")
