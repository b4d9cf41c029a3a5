"""A small Stepwarden for tests of what talks to it: the documented shapes on a real socket, and nothing
decided.

``decide`` says what to answer to an attempt; ``broken`` makes the whole server misbehave in a named way.
The one-time code that passes is always ``123456``; a passed challenge's grant is good once, for the same
action.
"""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

KEY = "sw_test_c2VjcmV0"
RIGHT_CODE = "123456"
Breakage = Literal["", "500", "503", "429", "302", "nonsense", "unknown decision", "hang", "drop", "endless"]


class FakeStepwarden:
    """Start with ``with FakeStepwarden() as fake``; ``fake.url`` is where it listens."""

    def __init__(self) -> None:
        self.decide: Callable[[dict[str, Any]], str] = lambda attempt: "allow"
        self.broken: Breakage = ""
        self.demand: dict[str, Any] = {}
        self.drop_next = 0
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.connections = 0
        self.dripped = 0
        self.grants: dict[str, str] = {}
        self.challenges: dict[str, dict[str, Any]] = {}
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> "FakeStepwarden":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def sent(self, ending: str) -> list[Any]:
        """The bodies of all requests whose path ends so."""
        return [body for path, _, body in self.requests if path.endswith(ending)]

    def _handler(fake) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler's own self is within
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                fake.connections += 1

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
                pass

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length", "0")))
                if self.headers.get("content-type") == "application/x-ndjson":
                    body: Any = [json.loads(line) for line in raw.splitlines()]
                else:
                    body = json.loads(raw)
                fake.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                if fake.drop_next:
                    fake.drop_next -= 1
                    self.close_connection = True
                    return
                if not fake.misbehave(self):
                    status, answer = fake.answer(self.path, body, self.headers.get("authorization", ""))
                    reply(self, status, json.dumps(answer).encode())

        return Handler

    def misbehave(self, handler: BaseHTTPRequestHandler) -> bool:
        match self.broken:
            case "":
                return False
            case "500" | "503" | "429":
                reply(handler, int(self.broken), b'{"code":"service.busy"}')
            case "302":
                reply(handler, 302, b"")
            case "nonsense":
                reply(handler, 200, b'{"decision": "allow"')
            case "unknown decision":
                reply(handler, 200, json.dumps(self._decided("maybe", {})).encode())
            case "hang":
                time.sleep(1.0)
                handler.close_connection = True
            case "drop":
                handler.close_connection = True
            case "endless":
                handler.send_response(200)
                handler.end_headers()
                handler.close_connection = True
                try:
                    for _ in range(100):
                        handler.wfile.write(b" ")
                        self.dripped += 1
                        time.sleep(0.05)
                except OSError:
                    pass  # the client has given up, as it should
        return True

    def answer(self, path: str, body: Any, authorization: str) -> tuple[int, Any]:
        if authorization != f"Bearer {KEY}":
            return 401, problem("auth.missing", "no such key")
        if path == "/v1/attempts":
            if any(ord(c) < 32 for c in body.get("user_agent", "")) or len(body.get("user_agent", "")) > 2048:
                return 400, problem("input.invalid", "too long or a control character") | {
                    "field": "user_agent"
                }
            return 200, self._decided(self._with_grant(body), body)
        if path.endswith("/outcome"):
            return 200, {"id": "2-outcome0", "receipt": RECEIPT}
        if path == "/v1/events":
            return 200, {"recorded": len(body), "receipt": RECEIPT}
        if path.endswith("/collect"):
            return self._collect(path.split("/")[3], body)
        if path.startswith("/v1/challenges/"):
            return self._challenge(path.split("/")[3], body)
        if path.endswith("/factors/totp"):
            return 200, {"uri": "otpauth://totp/x?secret=JBSWY3DP", "secret": "JBSWY3DP", "svg": "<svg/>"}
        if path.endswith("/factors/recovery"):
            return 200, {"codes": ["aaaa-bbbb", "cccc-dddd"]}
        return 404, problem("request.not_found", "no such thing")

    def _with_grant(self, body: dict[str, Any]) -> str:
        with self.lock:
            granted = self.grants.pop(body.get("grant", ""), None)
        return "allow" if granted == body["action"] else self.decide(body)

    def _decided(self, decision: str, body: dict[str, Any]) -> dict[str, Any]:
        number = len(self.requests)
        answer: dict[str, Any] = {
            "id": f"{number}-abcdefgh",
            "decision": decision,
            "risk": 0.25,
            "reasons": [
                {
                    "rule": "new_device",
                    "text": "A device not seen before.",
                    "weight": 1.5,
                    "technique": "T1078",
                }
            ],
            "demand": {"aal": 2, "max_age": 300, "bound": True} | self.demand,
            "policy": "00" * 32,
            "receipt": RECEIPT,
            "something_new": {"from": "a later version"},
        }
        if decision == "step_up":
            name = f"challenge-{number}"
            self.challenges[name] = body
            answer["challenge"] = {
                "id": name,
                "factors": ["totp", "recovery"],
                "expires": "2026-01-01T00:00:00Z",
                "ready": True,
                "url": f"https://warden.example/step-up/{name}",
            }
        return answer

    def _collect(self, name: str, body: dict[str, str]) -> tuple[int, Any]:
        attempt = self.challenges.pop(name, None) if body["code"] == f"code-of-{name}" else None
        if attempt is None:
            return 409, problem("challenge.closed", "it has ended")
        grant = f"grant-of-{name}"
        self.grants[grant] = attempt["action"]
        return 200, {
            "grant": grant,
            "aal": 2,
            "amr": ["otp"],
            "expires": "2026-01-01T00:00:00Z",
            "session": f"session-of-{name}",
            "device": "",
            "receipt": RECEIPT,
        }

    def _challenge(self, name: str, body: dict[str, str]) -> tuple[int, Any]:
        if name == "locked":
            return 429, problem("factor.locked", "wait")
        if name == "early":
            return 409, problem("challenge.not_ready", "report the first factor")
        attempt = self.challenges.get(name)
        if attempt is None:
            return 409, problem("challenge.closed", "it has ended")
        if body["answer"] != RIGHT_CODE:
            return 403, problem("challenge.refused", "not passed")
        del self.challenges[name]
        grant = f"grant-of-{name}"
        self.grants[grant] = attempt["action"]
        return 200, {
            "grant": grant,
            "aal": 2,
            "amr": ["otp"],
            "expires": "2026-01-01T00:00:00Z",
            "receipt": RECEIPT,
        }


RECEIPT = {"index": 12, "size": 13, "checkpoint": "stepwarden.example/log\n13\nAAAA\n\n- sig\n"}


def problem(code: str, detail: str) -> dict[str, Any]:
    return {"type": "about:blank", "title": code, "status": 0, "code": code, "detail": detail}


def reply(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    handler.send_response(status)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(body)))
    if status == 302:
        handler.send_header("location", "/v1/allowed")
    handler.end_headers()
    handler.wfile.write(body)
