"""What the attacks of this folder have in common: one running service with everything switched on, and its people.

The service is the installed command in a process of its own (``tests.stories.running``). Whoever it talks to is here
too: a provider of text messages and pushes, and a mail server, both on this machine. Everybody in these tests is
somebody new at an address of their own, so that tests share a service without knowing of each other.
"""

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from secrets import token_hex
from time import time
from typing import Any

import httpx
import pyotp

from stepwarden.connect.couriers.signing import read_secret, sign
from tests.connect.small_mail import Mailbox, smtp_server
from tests.stepup.software_authenticator import SoftwareAuthenticator
from tests.stories.asking import CHROME, FIREFOX, entries, send
from tests.stories.running import Server, run_inside, until

SHOP = "https://shop.example.com"
SECRET = "whsec_c3RlcHdhcmRlbi10aHJlYXRzc3RlcHdhcmRlbg=="
CALLBACK = "https://client.example.com/callback"
LOOKED_AT = {"wrong", "replayed", "cloned"}
"""Results of ``challenge.answered`` that say: this answer was looked at."""
ACTIONS = """\
actions:
  # For these tests: what a weak factor will do for, and an ordinary action that takes a strong one.
  note.confirm: {sensitivity: 1, demand: aal1, max_age: 5m, bound: true, recovery: true}
  order.confirm: {sensitivity: 1, demand: aal2, max_age: 5m, bound: true}
  vault.open: {sensitivity: 1, demand: aal2, max_age: 5m}
"""
_numbers = count(1)


class Receiver:
    """A provider that takes text messages and pushes, and keeps them."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        messages = self.messages

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the library's name
                messages.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/messages"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def last(self, to: str) -> dict[str, Any]:
        """The newest message to somebody."""
        return next(one["data"] for one in reversed(self.messages) if one["data"]["to"] == to)


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """A submission server in a thread of its own."""
    box, ready = Mailbox(), threading.Event()
    loop = asyncio.new_event_loop()
    done: Future[None] = Future()

    async def serve() -> None:
        async with smtp_server(box):
            ready.set()
            await asyncio.wrap_future(done)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield box
    finally:
        done.set_result(None)
        thread.join(30)
        loop.close()


class House:
    """The service, and whoever it talks to."""

    def __init__(self, server: Server, receiver: Receiver, box: Mailbox, client_key: str) -> None:
        self.server = server
        self.receiver = receiver
        self.box = box
        self.client_key = client_key
        self.url = server.url.replace("127.0.0.1", "localhost")
        self.key = server.make_key()
        self.http = server.client(self.key)

    def now(self) -> int:
        """Seconds since 1970, as the service has them."""
        return int(time())

    def person(self, **more: Any) -> "Person":
        return Person(self, **more)

    def entries(self, actor: str, kind: str = "") -> list[dict[str, Any]]:
        return entries(self.http, actor=actor, **({"kind": kind} if kind else {}))

    def looked_at(self, actor: str, factor: str = "") -> int:
        """How many wrong answers of somebody were looked at, as the log has it."""
        answered = [one for one in self.entries(actor, "challenge.answered") if one["result"] in LOOKED_AT]
        failed = [
            one for one in self.entries(actor, "challenge.failed") if one.get("reason", "wrong") == "wrong"
        ]
        return sum(1 for one in (*answered, *failed) if factor in ("", one["factor"]))

    def pushed(self, challenge: str, answer: str, number: str = "", name: str = "") -> httpx.Response:
        """What the push provider reports."""
        body = json.dumps({"challenge": challenge, "answer": answer, "number": number}).encode()
        signed = sign(
            read_secret(SECRET, name="push.secret"),
            id=name or f"msg_{token_hex(8)}",
            seconds=int(time()),
            body=body,
        )
        headers = {"content-type": "application/json", **signed}
        return self.http.post("/v1/push/answer", content=body, headers=headers)

    def mailed_code(self, address: str) -> str:
        """The code in the newest mail to somebody."""

        def find() -> str | None:
            pairs = list(zip(self.box.raw, self.box.envelopes, strict=False))
            for raw, (_, recipients) in reversed(pairs):
                digits = [word for word in raw.decode().split() if word.isdigit() and len(word) == 6]
                if address in recipients and digits:
                    return digits[0]
            return None

        return until(find, "a mail with a code")


class Person:
    """Somebody new: a name, an address, a device. ``session`` once they have signed in."""

    def __init__(self, house: House, *, actor: str = "", device: bool = True) -> None:
        """``device``: whether the application knows their device (our pages do not)."""
        number = next(_numbers)
        self.house = house
        self.actor = actor or f"person-{number}-{token_hex(3)}"
        self.session = ""
        self.ip = f"81.{number // 250}.{number % 250}.7"
        self.agent = FIREFOX
        self.device = f"laptop-{number}" if device else ""
        self.secret = ""
        self.passkey = SoftwareAuthenticator()
        self._step = house.now() // 30

    # -- attempts

    def seen(self, **other: Any) -> dict[str, Any]:
        device = {"id": self.device} if self.device else None
        known = {"ip": self.ip, "user_agent": self.agent, "device": device}
        return {name: value for name, value in {**known, **other}.items() if value is not None}

    def asks(self, action: str, **more: Any) -> dict[str, Any]:
        """The body of an attempt; ``ip=None`` and the like leave something out."""
        return {"action": action, "actor": self.actor, "session": self.session, **self.seen(**more)}

    def ask(self, action: str, **more: Any) -> dict[str, Any]:
        return send(self.house.http, "/v1/attempts", self.asks(action, **more))

    def tell(self, attempt: dict[str, Any], outcome: str, **more: Any) -> dict[str, Any]:
        path = f"/v1/attempts/{attempt['id']}/outcome"
        return send(self.house.http, path, {"outcome": outcome, **more})

    def sign_in(self) -> "Person":
        """By password, where nothing more is asked for."""
        asked = self.ask("login", session="")
        assert asked["decision"] == "allow", asked
        self.session = f"s-{token_hex(6)}"
        self.tell(asked, "success", proved=["pwd"], session=self.session)
        return self

    def transfer(self, number: int = 1, **more: Any) -> dict[str, Any]:
        """A transfer that asks for a step-up; each number is another one."""
        asked = self.ask("transfer", **{"parameters": {"amount": 100 + number, "to": "DE02"}, **more})
        assert asked["decision"] == "step_up", asked
        return asked

    def confirm(self) -> dict[str, Any]:
        """Something small that takes AAL2 for itself each time, and is no pattern of a thief."""
        return self.ask("order.confirm", resource=f"order/{next(_numbers)}")

    def from_new_phone(self) -> dict[str, Any]:
        """A sign-in that takes a code, its password proved."""
        asked = self.ask(
            "login",
            session="",
            device={"id": f"phone-{token_hex(3)}"},
            ip=self.ip[:-1] + "9",
            user_agent=CHROME,
        )
        assert asked["decision"] == "step_up", asked
        self.tell(asked, "unknown", proved=["pwd"])
        return asked

    # -- factors

    def enrol(self, path: str, **body: Any) -> dict[str, Any]:
        return send(self.house.http, f"/v1/actors/{self.actor}/factors/{path}", {"attempt": "", **body})

    def with_totp(self) -> "Person":
        self.secret = self.enrol("totp")["secret"]
        return self

    def with_recovery(self) -> list[str]:
        return [str(code) for code in self.enrol("recovery")["codes"]]

    def with_address(self, factor: str) -> str:
        """An address of this kind, of their own."""
        number = next(_numbers)
        address = {
            "email": f"{self.actor}@mail.example",
            "sms": f"+1555{number:07d}",
            "push": f"push-{self.actor}",
        }[factor]
        self.enrol("address", factor=factor, address=address)
        return address

    def with_passkey(self) -> "Person":
        self.enrol_with_passkey("")
        return self

    def enrol_with_passkey(self, attempt: str) -> None:
        """``attempt``: what allows it, once there is a factor."""
        http = self.house.http
        begun = send(http, f"/v1/actors/{self.actor}/factors/webauthn/options", {})
        made = self.passkey.register(json.dumps(begun["options"]), self.house.url)
        self.enrol("webauthn", draft=begun["draft"], answer=made, attempt=attempt)

    def may_enrol(self, code: str) -> str:
        """An allowed ``factor.enroll``: the attempt's name."""
        asked = self.ask("factor.enroll")
        grant = self.answer(asked, "totp", code).json()["grant"]
        return str(self.ask("factor.enroll", grant=grant)["id"])

    # -- answers

    def code(self) -> str:
        """The next code of the authenticator: this step's first, then the following one's, by another program."""
        at, self._step = self._step * 30, self._step + 1
        return pyotp.TOTP(self.secret).at(at)

    def code_now(self) -> str:
        """What the authenticator shows at this moment."""
        return pyotp.TOTP(self.secret).at(self.house.now())

    def wrong_code(self) -> str:
        """Six digits that are none of those that would do."""
        right = (
            {pyotp.TOTP(self.secret).at(self.house.now() + 30 * step) for step in range(-3, 4)}
            if self.secret
            else ()
        )
        return next(f"{number:06d}" for number in range(100) if f"{number:06d}" not in right)

    def sign(self, attempt: dict[str, Any], **lies: Any) -> str:
        """What the passkey signs for a challenge."""
        path = f"/v1/challenges/{attempt['challenge']['id']}/webauthn"
        options = self.house.http.get(path)
        assert options.status_code == 200, options.text
        return self.passkey.answer(options.text, self.house.url, **lies)

    def answer(self, attempt: dict[str, Any], factor: str, answer: str) -> httpx.Response:
        path = f"/v1/challenges/{attempt['challenge']['id']}/answer"
        return self.house.http.post(path, json={"factor": factor, "answer": answer})


def write_policy(data: Path, rules: str = "rules:\n") -> None:
    """The shipped policy, with actions (and ``rules``) of these tests before its own."""
    shown = run_inside("policy", "show-default").stdout
    assert "\nactions:\n" in shown
    data.mkdir(parents=True, exist_ok=True)
    whole = shown.replace("\nactions:\n", "\n" + ACTIONS, 1).replace("\nrules:\n", "\n" + rules, 1)
    (data / "policy.yaml").write_text(whole)


@contextmanager
def open_house(
    data: Path, *, toml: str = "", sms_url: str = "", rules: str = "rules:\n", **environment: str
) -> Iterator[House]:
    """A house until the end of the block. ``environment``: more settings, or others; ``toml``: more in the file.

    ``sms_url``: another provider of text messages than ours; ``rules``: more rules, before those of the policy.
    """
    receiver = Receiver()
    with mail_server() as box:
        settings = {
            "STEPWARDEN_SERVER_HOST": "localhost",
            "STEPWARDEN_SERVER_TRUSTED_PROXIES": "127.0.0.1/32",
            "STEPWARDEN_ADDRESSES_BUILTIN": "false",
            "STEPWARDEN_PAGES_APPS": SHOP,
            "STEPWARDEN_MAIL_HOST": "127.0.0.1",
            "STEPWARDEN_MAIL_PORT": str(box.port),
            "STEPWARDEN_MAIL_SENDER": "warden@mail.example",
            "STEPWARDEN_MAIL_TLS": "none",
            **environment,
        }
        for kind in ("SMS", "PUSH"):
            settings[f"STEPWARDEN_{kind}_URL"] = receiver.url
            settings[f"STEPWARDEN_{kind}_SECRET"] = SECRET
            settings[f"STEPWARDEN_{kind}_ALLOW_PRIVATE"] = "true"
        settings["STEPWARDEN_SMS_URL"] = sms_url or receiver.url
        server = Server(data, **settings)
        made = run_inside("keys", "create", "--data", data, "--name", "a client", "--scopes", "decide")
        assert made.returncode == 0, made.stderr
        client_key = made.stdout.strip()
        client = client_key.split("_")[1]
        clients = f'[openid.clients.{client}]\nredirect_uris = ["{CALLBACK}"]\n'
        (data / "stepwarden.toml").write_text(clients + toml)
        write_policy(data, rules)
        try:
            with server:
                house = House(server, receiver, box, client_key)
                yield house
                house.http.close()
        finally:
            receiver.close()
