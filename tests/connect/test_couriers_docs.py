"""The pages about mail, text messages and push: their examples are run, and are what is really sent."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from stepwarden.connect.couriers.signing import read_secret, verify_callback
from stepwarden.connect.couriers.texts import write_mail
from stepwarden.connect.couriers.webhook import read_push_answer

PAGES = Path(__file__).resolve().parents[2] / "docs/factors"
PAGE = (PAGES / "sms-and-push.md").read_text(encoding="utf-8")
SECRET_TEXT = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
SECRET = read_secret(SECRET_TEXT, name="the example")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)\n```", PAGE, re.S)


def examples() -> list[tuple[dict[str, str], bytes]]:
    """Headers and body of the two messages on the page."""
    heads = [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks("text")]
    return list(zip(heads, (body.encode() for body in blocks("json")), strict=True))


def test_the_examples_on_the_page_are_signed() -> None:
    """By the module itself, and read as what the page says."""
    (sent, code), (reported, answer) = examples()
    verify_callback(SECRET, sent, code, int(sent["webhook-timestamp"]))
    found = read_push_answer(SECRET, reported, answer, int(reported["webhook-timestamp"]))
    assert (found.challenge, found.approved, found.number) == ("c-abcdefgh", True, "42")
    assert json.loads(code)["data"]["challenge"] == found.challenge


def test_the_python_on_the_page_verifies_and_refuses() -> None:
    """A provider that copies it is as strict as it has to be."""
    room: dict[str, Any] = {}
    (source,) = blocks("python")
    exec(source, room)  # noqa: S102  # the example on our own page
    for headers, body in examples():
        now = int(headers["webhook-timestamp"])
        assert room["verify"](SECRET_TEXT, headers, body, now)
        assert not room["verify"](SECRET_TEXT, headers, body + b" ", now)
        assert not room["verify"](SECRET_TEXT, headers, body, now + 301)
        assert not room["verify"](SECRET_TEXT, headers | {"webhook-id": "msg_x"}, body, now)


def test_the_shell_on_the_page_gives_the_signature(tmp_path: Path) -> None:
    """And the line that makes a secret makes one that is taken."""
    headers, body = examples()[0]
    (tmp_path / "body.json").write_bytes(body)
    make, verify = blocks("sh")

    def run(script: str) -> str:
        return subprocess.run(
            ["sh", "-euc", script], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=30
        ).stdout.strip()

    assert f"v1,{run(verify)}" == headers["webhook-signature"]
    assert len(read_secret(run(make), name="made")) == 32


def test_the_mail_on_the_page_is_the_mail() -> None:
    """Word for word, up to where the page stops."""
    page = (PAGES / "email.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```text\n(.*?)\n```", page, re.S)
    words = "Transfer 20 EUR to ACME"
    sent = write_mail("code", words=words, code="480915", minutes=5, language="en").body
    assert sent.startswith(shown + "\n")
