"""The requests of an application, as its developer would write them, with the answers checked for their status."""

from typing import Any

import httpx

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"  # fmt: skip # noqa: E501


def send(
    http: httpx.Client, path: str, body: object, *, status: int = 200, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """POST JSON; the answer as a dictionary."""
    answer = http.post(path, json=body, headers=headers)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def fetch(http: httpx.Client, path: str, **query: str | int) -> dict[str, Any]:
    """GET JSON."""
    answer = http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def entries(http: httpx.Client, **query: str | int) -> list[dict[str, Any]]:
    """The leaves that match, as objects, oldest first."""
    found = fetch(http, "/v1/log/entries", limit=1000, **query)
    return [view["entry"] | {"index": view["index"], "name": view["id"]} for view in found["entries"]]


class Browser:
    """Somebody's device at some address: what the application sees of it."""

    def __init__(self, http: httpx.Client, ip: str, agent: str, device: str) -> None:
        self._http = http
        self._seen = {"ip": ip, "user_agent": agent, "device": {"id": device}}

    def ask(self, action: str, actor: str, **more: object) -> dict[str, Any]:
        return send(self._http, "/v1/attempts", {"action": action, "actor": actor, **self._seen, **more})

    def tell(self, attempt: dict[str, Any], outcome: str, **more: object) -> dict[str, Any]:
        return send(self._http, f"/v1/attempts/{attempt['id']}/outcome", {"outcome": outcome, **more})

    def sign_in(self, actor: str, session: str) -> dict[str, Any]:
        """The right password where nothing more is asked for."""
        asked = self.ask("login", actor)
        assert asked["decision"] == "allow", asked
        self.tell(asked, "success", proved=["pwd"], session=session)
        return asked

    def type_code(self, attempt: dict[str, Any], code: str) -> str:
        """Answer the challenge; the grant."""
        path = f"/v1/challenges/{attempt['challenge']['id']}/answer"
        return str(send(self._http, path, {"factor": "totp", "answer": code})["grant"])
