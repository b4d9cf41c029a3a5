"""Requests of ours to addresses of somebody else's choice (SSRF), by every setting that names one.

The tables are those of ``tests.connect.hostile_urls``. A setting that cannot be meant stops the start; what is found
out only when it is used (a redirect) fails there, and nothing is contacted.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stepwarden.app.core import World
from stepwarden.app.proving import make_couriers, make_provider
from stepwarden.app.settings import load_settings
from stepwarden.app.world import Entropy, wall_clock
from stepwarden.errors import SettingsError
from tests.connect.hostile_urls import NEVER, PRIVATE, TRICKS
from tests.stories.running import Server
from tests.threats.threat_house import SECRET, open_house

ADDRESSES = {
    f"{name} {address}": f"https://[{address}]/" if ":" in address else f"https://{address}/"
    for name, address in (NEVER | PRIVATE).items()
}
EVERYTHING = (
    TRICKS | ADDRESSES | {"plain http": "http://good.example/", "plain http at home": "http://127.0.0.1/"}
)
STARTS = {
    "sms.url": "http://127.0.0.1:1/",
    "push.url": "https://169.254.169.254/latest/meta-data",
    "provider.issuer": "http://[::ffff:127.0.0.1]/",
    "anchors.url": "file:///etc/passwd",
}
WORLD = World(wall_clock, Entropy().take)


@contextmanager
def trap(status: int = 204, location: str = "") -> Iterator[tuple[str, list[str]]]:
    """A server that nothing should come to: its address, and what came."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the library's name
            heard.append(self.path)
            self.send_response(status)
            if location:
                self.send_header("location", location)
            self.send_header("content-length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815  # the library's name

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", heard
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("name", [name for name in EVERYTHING if EVERYTHING[name]])
def test_attack_a_setting_leads_home(tmp_path: Path, name: str) -> None:
    """Every hostile address, in every setting for a provider: refused where the parts are made, before any request."""
    for given in (
        {"sms.url": EVERYTHING[name], "sms.secret": SECRET},
        {"push.url": EVERYTHING[name], "push.secret": SECRET},
    ):
        with pytest.raises(SettingsError):
            make_couriers(load_settings(tmp_path, {}, given), WORLD)
    issuer = {"provider.issuer": EVERYTHING[name], "provider.client_id": "x", "provider.client_secret": "y"}
    (tmp_path / "stepwarden.toml").write_text('[provider]\nacr = {gold = 2}\nacr_values = "gold"\n')
    with pytest.raises(SettingsError):
        make_provider(load_settings(tmp_path, {}, issuer), "https://warden.example.com", WORLD)


def test_attack_the_service_starts_with_an_address_that_leads_home(tmp_path: Path) -> None:
    """``stepwarden serve`` ends with a message that names the setting, for each of them."""
    more = {
        "STEPWARDEN_SMS_SECRET": SECRET,
        "STEPWARDEN_PUSH_SECRET": SECRET,
        "STEPWARDEN_PROVIDER_CLIENT_ID": "x",
        "STEPWARDEN_PROVIDER_CLIENT_SECRET": "y",
        "STEPWARDEN_ADDRESSES_BUILTIN": "false",
    }
    servers = []
    for number, (name, url) in enumerate(STARTS.items()):
        setting = "STEPWARDEN_" + name.upper().replace(".", "_")
        servers.append((name, Server(tmp_path / f"data-{number}", **{setting: url}, **more)))
    try:
        for _, server in servers:
            server.begin()
        for name, server in servers:
            assert server.ended() != 0, name
            assert "settings.invalid" in server.said(), server.said()
            assert "Traceback" not in server.said()
    finally:
        for _, server in servers:
            server.kill()


def test_attack_a_provider_redirects_us_into_the_house(tmp_path: Path) -> None:
    """The provider answers a message with a redirect: the message failed, and what it led to hears nothing."""
    with (
        trap() as (inside, heard),
        trap(307, inside + "/admin") as (outside, asked),
        open_house(tmp_path / "data", sms_url=outside + "/messages") as house,
    ):
        person = house.person().sign_in()
        person.with_address("sms")
        challenge = person.ask("note.confirm")["challenge"]["id"]
        reply = house.http.post(f"/v1/challenges/{challenge}/send", json={"factor": "sms"})
        assert (reply.status_code, reply.json()["code"]) == (502, "courier.failed")
        assert inside not in reply.text
        assert outside not in reply.text
    assert asked == ["/messages"]
    assert heard == []
