"""Calling addresses that somebody else named: what is refused, and that what was checked is what is called."""

import asyncio
import doctest
import socket
import ssl
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden.connect import urls
from stepwarden.connect.urls import (
    AddressRefusedError,
    ReplyTooLongError,
    Resolve,
    ask,
    check_url,
    guarded_client,
)
from stepwarden.errors import SettingsError
from tests.connect.hostile_urls import NEVER, PRIVATE, PUBLIC, TRICKS
from tests.connect.small_servers import OK, http_server, make_certificates


def bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def names(*answers: Sequence[str]) -> tuple[Resolve, list[str]]:
    """A resolver that gives one answer after the other, and what it was asked for."""
    left, asked = list(answers), []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(f"{host}:{port}")
        if not left:
            raise OSError("no such name")
        return left.pop(0)

    return resolve, asked


async def get(url: str, resolve: Resolve, **wanted: Any) -> httpx.Response:
    options = {"timeout": 5.0, "allow_private": True, "allow_http": True} | wanted
    follow = options.pop("follow_redirects", False)
    async with guarded_client(resolve=resolve, **options) as client:
        return await client.get(url, follow_redirects=follow)


def nothing_listens() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_the_examples_in_the_module_hold() -> None:
    """Its docstring is its specification."""
    assert doctest.testmod(urls).failed == 0


@pytest.mark.parametrize("url", TRICKS.values(), ids=TRICKS.keys())
def test_attack_url_that_readers_read_differently(url: str) -> None:
    """No second spelling gets through, however much is allowed."""
    with pytest.raises(SettingsError):
        check_url(url, allow_private=True, allow_http=True)


@pytest.mark.parametrize("address", NEVER.values(), ids=NEVER.keys())
def test_attack_address_that_is_never_called(address: str) -> None:
    """Neither written in the URL nor behind a name, and by no setting."""
    with pytest.raises(SettingsError):
        check_url(f"https://{bracketed(address)}/", allow_private=True, allow_http=True)
    resolve, _ = names([address])
    with pytest.raises(AddressRefusedError):
        asyncio.run(get("https://good.example/", resolve))


@pytest.mark.parametrize("address", PRIVATE.values(), ids=PRIVATE.keys())
def test_attack_address_inside_the_house(address: str) -> None:
    """Private addresses are called only where the operator says so."""
    url = f"https://{bracketed(address)}/"
    with pytest.raises(SettingsError):
        check_url(url, allow_private=False, allow_http=False)
    resolve, _ = names([address])
    with pytest.raises(AddressRefusedError):
        asyncio.run(get("https://good.example/", resolve, allow_private=False))
    assert check_url(url, allow_private=True, allow_http=False).host == address


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_called_but_never_without_encryption(address: str) -> None:
    """http to the world is refused even where http and private addresses are allowed."""
    host = bracketed(address)
    assert check_url(f"https://{host}/", allow_private=False, allow_http=False).port == 443
    with pytest.raises(SettingsError, match="encryption"):
        check_url(f"http://{host}/", allow_private=True, allow_http=True)
    resolve, _ = names([address])
    with pytest.raises(AddressRefusedError):
        asyncio.run(get("http://good.example/", resolve))


def test_http_is_for_this_machine_unless_private_networks_are_allowed() -> None:
    """One setting for http alone opens loopback, and nothing else."""
    assert check_url("http://127.0.0.1:8080/x", allow_private=False, allow_http=True).port == 8080
    assert check_url("http://[::1]/", allow_private=False, allow_http=True).port == 80
    for url, private, plain in (
        ("http://127.0.0.1/", True, False),
        ("http://10.0.0.1/", False, True),
        ("https://127.0.0.1/", False, True),
    ):
        with pytest.raises(SettingsError):
            check_url(url, allow_private=private, allow_http=plain)
    assert check_url("http://10.0.0.1/", allow_private=True, allow_http=True).host == "10.0.0.1"


def test_ordinary_addresses_are_read() -> None:
    """Case of the name, ports, paths, queries and internationalised names in their ASCII form."""
    found = check_url("https://SMS.Example:8443/a/b@c?d=%20e", allow_private=False, allow_http=False)
    assert (found.scheme, found.host, found.port) == ("https", "sms.example", 8443)
    check_url("https://xn--bcher-kva.example", allow_private=False, allow_http=False)
    check_url("https://localhost/", allow_private=False, allow_http=False)


@given(st.text() | st.from_regex(r"https?://[\w.:@\[\]%\\/-]{0,30}", fullmatch=True))
def test_no_text_is_anything_but_read_or_refused(url: str) -> None:
    """What is read agrees with what the HTTP client reads."""
    try:
        found = check_url(url, allow_private=True, allow_http=True)
    except SettingsError:
        return
    other = httpx.URL(url)
    assert (other.scheme, other.raw_host.decode()) == (found.scheme, found.host)
    assert other.port in (None, found.port)
    assert not other.userinfo
    assert not other.fragment


def test_attack_dns_rebinding(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is asked for once, and the connection goes to that answer; the next request asks and checks anew."""

    async def run() -> None:
        loop = asyncio.get_running_loop()

        async def resolved(*_: object, **__: object) -> list[object]:
            raise AssertionError("somebody resolved the name a second time")

        monkeypatch.setattr(loop, "getaddrinfo", resolved)
        async with http_server(OK) as server:
            resolve, asked = names(["127.0.0.1"], ["169.254.169.254"])
            options: dict[str, Any] = {"timeout": 5.0, "allow_private": True, "allow_http": True}
            async with guarded_client(resolve=resolve, **options) as client:
                url = f"http://rebinding.example:{server.port}/"
                assert (await client.get(url)).text == "ok"
                assert asked == [f"rebinding.example:{server.port}"]
                with pytest.raises(AddressRefusedError):
                    await client.get(url)
            assert (server.connections, len(asked)) == (1, 2)
            assert f"Host: rebinding.example:{server.port}\r\n" in server.heads[0]

    asyncio.run(run())


@pytest.mark.parametrize("order", [1, -1])
def test_attack_one_bad_address_among_good_ones(order: int) -> None:
    """A name is refused as a whole: no picking, whatever the order."""

    async def run() -> None:
        async with http_server(OK) as server:
            resolve, _ = names(["127.0.0.1", "169.254.169.254"][::order])
            with pytest.raises(AddressRefusedError):
                await get(f"http://a.example:{server.port}/", resolve)
            assert server.connections == 0

    asyncio.run(run())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_attack_redirect_into_the_house(status: int) -> None:
    """A redirect is an answer like any other; a caller who follows it is still held back."""

    async def run() -> None:
        to = b"http://169.254.169.254/latest/meta-data/"
        answer = b"HTTP/1.1 %d Go\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % (status, to)
        async with http_server(answer) as server:
            url = f"http://a.example:{server.port}/"
            assert (await get(url, names(["127.0.0.1"])[0])).status_code == status
            with pytest.raises(AddressRefusedError):
                await get(url, names(["127.0.0.1"])[0], follow_redirects=True)
            assert server.requests == 2

    asyncio.run(run())


@pytest.mark.parametrize("answer", [[], ["127.0.0.1"] * 17, ["localhost"], ["fe80::1%eth0"], [""]])
def test_attack_resolver_that_gives_nonsense(answer: list[str]) -> None:
    """None, too many, or what is no address."""
    with pytest.raises(AddressRefusedError):
        asyncio.run(get("http://a.example/", names(answer)[0]))


def test_unknown_and_slow_names_are_errors_of_the_connection() -> None:
    """Callers need to know one family of errors only."""

    async def hang(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(httpx.ConnectError):
        asyncio.run(get("https://a.example/", names()[0]))
    with pytest.raises(httpx.ConnectTimeout):
        asyncio.run(get("https://a.example/", hang, timeout=0.01))


def test_the_certificate_is_that_of_the_name(tmp_path: Path) -> None:
    """SNI and certificate go by the name, though the connection goes to an address."""
    ours = make_certificates(tmp_path, "good.example")

    async def run() -> None:
        async with http_server(OK, tls=ours.server) as server:
            good, other = f"https://good.example:{server.port}/", f"https://other.example:{server.port}/"
            assert (await get(good, names(["127.0.0.1"])[0], verify=ours.client)).text == "ok"
            assert server.names == ["good.example"]
            with pytest.raises(httpx.ConnectError):
                await get(other, names(["127.0.0.1"])[0], verify=ours.client)
            with pytest.raises(httpx.ConnectError):
                await get(good, names(["127.0.0.1"])[0], verify=True)
            assert server.requests == 1

    asyncio.run(run())


def test_attack_connection_of_one_name_used_for_another(tmp_path: Path) -> None:
    """Two names on one address: the second is not sent over the connection that was verified for the first."""
    ours = make_certificates(tmp_path, "good.example")
    kept = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    async def run() -> None:
        async with http_server(kept, tls=ours.server) as server:
            resolve, _ = names(["127.0.0.1"], ["127.0.0.1"])
            options: dict[str, Any] = {"timeout": 5.0, "allow_private": True, "allow_http": False}
            async with guarded_client(resolve=resolve, verify=ours.client, **options) as client:
                await client.get(f"https://good.example:{server.port}/")
                with pytest.raises(httpx.ConnectError):
                    await client.get(f"https://other.example:{server.port}/")
            assert server.requests == 1

    asyncio.run(run())


def test_addresses_in_the_url_are_called_without_a_resolver(tmp_path: Path) -> None:
    """IPv4 and, where this machine has it, IPv6; the certificate is that of the address."""
    ours = make_certificates(tmp_path, "127.0.0.1", "::1")

    async def run(host: str) -> None:
        async with http_server(OK, tls=ours.server, host=host) as server:
            resolve, asked = names()
            url = f"https://{bracketed(host)}:{server.port}/"
            assert (await get(url, resolve, verify=ours.client)).text == "ok"
            assert asked == []

    asyncio.run(run("127.0.0.1"))
    if socket.has_ipv6 and Path("/proc/net/if_inet6").is_file():
        asyncio.run(run("::1"))


def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    """Nothing was sent to the first, so the request is sent once."""

    async def run() -> None:
        async with http_server(OK) as server:
            resolve, _ = names(["127.0.0.2", "127.0.0.1"])
            url = f"http://a.example:{server.port}/"
            async with guarded_client(
                timeout=5, allow_private=True, allow_http=True, resolve=resolve
            ) as client:
                assert (await client.post(url, content=b"once")).text == "ok"
            assert server.bodies == [b"once"]
        with pytest.raises(httpx.ConnectError):
            await get(f"http://a.example:{nothing_listens()}/", names(["127.0.0.1"])[0])

    asyncio.run(run())


def test_nothing_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would resolve the name itself."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{nothing_listens()}")

    async def run() -> None:
        async with http_server(OK) as server:
            assert (await get(f"http://a.example:{server.port}/", names(["127.0.0.1"])[0])).status_code == 200

    asyncio.run(run())


def test_attack_client_that_does_not_verify() -> None:
    """There is no way to build one."""
    loose = ssl.create_default_context()
    loose.check_hostname = False
    for verify in (loose, ssl._create_unverified_context(), False):  # noqa: S323  # what must be refused
        with pytest.raises(ValueError):
            guarded_client(timeout=1, allow_private=False, allow_http=False, verify=verify)  # type: ignore[arg-type]


def test_attack_answer_without_end() -> None:
    """An answer is read up to its limit in size and time, whatever its parts say."""

    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"a" * 4096)
            await writer.drain()

    async def silent(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\na")
        await asyncio.Event().wait()

    async def run(answer: Any, seconds: float) -> None:
        async with (
            http_server(answer) as server,
            guarded_client(timeout=30, allow_private=False, allow_http=True) as client,
        ):
            url = f"http://127.0.0.1:{server.port}/"
            await ask(client, "GET", url, seconds=seconds, most=1000, headers={})

    with pytest.raises(ReplyTooLongError):
        asyncio.run(run(endless, 30))
    with pytest.raises(httpx.TimeoutException):
        asyncio.run(run(silent, 0.2))


def test_an_answer_comes_as_it_is() -> None:
    """Status, headers and the bytes; nothing is unpacked."""
    answer = b"HTTP/1.1 418 No\r\nContent-Length: 3\r\nContent-Encoding: gzip\r\nX-A: b\r\n\r\nabc"

    async def run() -> None:
        async with (
            http_server(answer) as server,
            guarded_client(timeout=5, allow_private=False, allow_http=True) as client,
        ):
            url = f"http://127.0.0.1:{server.port}/"
            found = await ask(client, "POST", url, seconds=5, most=3, headers={"X-C": "d"}, content=b"e")
            assert (found.status, found.headers["x-a"], found.body) == (418, "b", b"abc")
            assert server.bodies == [b"e"]
            assert "x-c: d\r\n" in server.heads[0].lower()

    asyncio.run(run())


@pytest.mark.parametrize(
    "url",
    [
        "https://u:s3cret@a.example/",
        "http://a.example/s3cret",
        "https://127.0.0.1/?key=s3cret",
        "https://a.example/s3cret#",
        "https://a.example:x/s3cret",
    ],
)
def test_refusals_do_not_repeat_the_address(url: str) -> None:
    """There may be a key in it, and errors are logged."""
    with pytest.raises(SettingsError) as caught:
        check_url(url, allow_private=False, allow_http=False)
    assert "s3cret" not in f"{caught.value!r}"
