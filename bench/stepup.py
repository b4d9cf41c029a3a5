"""Answers to challenges over HTTP, durable before answered: codes and passkeys, at 16 connections; and decisions while
somebody checks passwords.

A real server process on a real data directory. Beforehand people are enrolled in process, and then, over HTTP, each is
given an open challenge of their own for a transfer (AAL2, bound) with a first factor proved; the right answers are made
by ``cryptography`` and RFC 6238. What is measured is answers alone, each to another challenge of another person, sent
once by ``bench.once`` in a process of its own; any answer other than 200 is counted, and its ceiling is 0. Public keys
and secrets are cold, as they are for somebody who comes back after days.

Beside it stand the same requests to a bare listener, the libraries that do the same check (``webauthn`` for an
assertion, pyotp for a code), and one fdatasync.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from base64 import b32decode, b32encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
import pyotp
import uvloop
from webauthn import verify_authentication_response
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication

from bench.once import Sent, get, post, send
from bench.service import bare, bodies, cpu_seconds, stepwarden
from bench.table import Row
from stepwarden.app.node import Node, open_node
from stepwarden.app.settings import FILE, load_settings
from stepwarden.stepup.factors import registration, totp, webauthn
from stepwarden.stepup.people import Passkey
from tests.stepup.software_authenticator import SoftwareAuthenticator

T = TypeVar("T")
PEOPLE = 2_400
"""With a code, and as many with a passkey."""
WARM = 500
"""Of each, whose answers are not counted: the caches, and the interpreter's."""
ALONE = 200
"""Of each, who answer one after the other: what one person waits for."""
CONNECTIONS = 16
DECISIONS = 2_000
CHECKS = 300
RP_ID, ORIGIN = "localhost", "http://localhost:8700"
SETTINGS = f'[webauthn]\nrp_id = "{RP_ID}"\norigins = ["{ORIGIN}"]\n[addresses]\nbuiltin = false\n'
FLOORS = {"totp": 4.0, "webauthn": 5.0}
SLOWEST = 20.0
# Threads, how nice they are, costs of argon2id: by default what argon2-cffi takes, 64 MiB three times in 4 lanes.
PASSWORDS: tuple[tuple[str, list[int]], ...] = (
    ("1 thread", [1, 0]),
    ("1 nice thread", [1, 19]),
    ("20 threads", [20, 0]),
    ("20 nice threads", [20, 19]),
    ("2 threads, 19 MiB", [2, 0, 2, 19_456, 1]),
)


class People(NamedTuple):
    """Names with their secrets, and names with their passkeys."""

    codes: dict[str, bytes]
    passkeys: dict[str, SoftwareAuthenticator]


def rows() -> Iterator[Row]:
    """The figures, in less than a minute."""
    with tempfile.TemporaryDirectory(prefix="stepwarden-bench-", dir=Path.cwd()) as folder:
        data = Path(folder) / "data"
        data.mkdir()
        (data / FILE).write_text(SETTINGS)
        people = uvloop.run(_enrolled(data))
        with stepwarden(data) as (url, key, pid):
            yield from _answers(url, key, pid, "webauthn", _signed(url, key, people.passkeys))
            yield from _answers(url, key, pid, "totp", _typed(url, key, people.codes))
            yield from _beside_passwords(url, key)
        yield from _checks(Path(folder))


async def _enrolled(data: Path) -> People:
    """Everybody's factors, in process: nothing of it is measured."""
    node = open_node(data, load_settings(data, {}, {}), lambda *_: None)
    await node.start()
    found = People({}, {})
    for first in range(0, PEOPLE, 100):
        await asyncio.gather(*[_enrol(node, found, number) for number in range(first, first + 100)])
    await node.close("made")
    return found


async def _enrol(node: Node, found: People, number: int) -> None:
    made = await node.service.enrol_totp(f"code-{number}", attempt="", by="bench")
    found.codes[f"code-{number}"] = b32decode(made.secret + "=" * (-len(made.secret) % 8))
    factors, actor, device = node.service.proving.factors, f"key-{number}", SoftwareAuthenticator()
    draft, options = factors.begin_passkey(actor)
    answer = device.register(options, ORIGIN)
    await factors.enrol_passkey(actor, draft=draft, answer=answer, name="", attempt="", by="bench")
    found.passkeys[actor] = device


def _challenges(url: str, key: str, actors: list[str]) -> list[str]:
    """One open challenge for each, of a transfer in a session of their own."""
    asked = [
        {
            "action": "transfer",
            "actor": actor,
            "session": f"session-{actor}",
            "ip": f"81.{number % 200}.{number // 200}.7",
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
            "device": {"id": f"device-{actor}"},
            "parameters": {"amount": 120_000, "currency": "EUR", "to": "DE89370400440532013000"},
            "proved": ["pwd"],
        }
        for number, actor in enumerate(actors)
    ]
    sent = send(url, [post("/v1/attempts", msgspec.json.encode(one), key) for one in asked], CONNECTIONS)
    offered = [json.loads(body)["challenge"] for body in sent.bodies]
    if not all(one["ready"] for one in offered):
        raise RuntimeError("a challenge could not be answered yet")
    return [one["id"] for one in offered]


def _typed(url: str, key: str, codes: dict[str, bytes]) -> list[bytes]:
    """The answers of people with a code, of the step that it is now: good for at least 30 seconds more."""
    challenges = _challenges(url, key, list(codes))
    step = totp.step_of(time.time_ns() // 1_000)
    answers = [totp.at(secret, step) for secret in codes.values()]
    return _requests(key, "totp", challenges, answers)


def _signed(url: str, key: str, passkeys: dict[str, SoftwareAuthenticator]) -> list[bytes]:
    """The answers of people with a passkey."""
    challenges = _challenges(url, key, list(passkeys))
    sent = send(url, [get(f"/v1/challenges/{one}/webauthn", key) for one in challenges], CONNECTIONS)
    options = [body.decode() for body in sent.bodies]
    answers = [device.answer(one, ORIGIN) for device, one in zip(passkeys.values(), options, strict=True)]
    return _requests(key, "webauthn", challenges, answers)


def _requests(key: str, factor: str, challenges: list[str], answers: list[str]) -> list[bytes]:
    return [
        post(
            f"/v1/challenges/{challenge}/answer",
            json.dumps({"factor": factor, "answer": answer}).encode(),
            key,
        )
        for challenge, answer in zip(challenges, answers, strict=True)
    ]


def _answers(url: str, key: str, pid: int, factor: str, requests: list[bytes]) -> Iterator[Row]:
    """Send them all; the same ones then to a listener that does nothing with them."""
    warmed = send(url, requests[:WARM], CONNECTIONS)
    alone = send(url, requests[WARM : WARM + ALONE], 1)
    measured = requests[WARM + ALONE :]
    before = cpu_seconds(pid)
    found = send(url, measured, CONNECTIONS)
    cpu = (cpu_seconds(pid) - before) / len(measured) * 1e6
    with bare() as (peer, _):
        send(peer, requests[:WARM], CONNECTIONS)
        least = send(peer, measured, CONNECTIONS)
    name = {"totp": "TOTP", "webauthn": "WebAuthn"}[factor]
    beside = "bare listener"
    yield Row(f"{name} answers refused", warmed.bad + alone.bad + found.bad, "", ceiling=0)
    yield Row(f"{name} answers", found.per_second, "/s", beside, least.per_second)
    yield Row(f"{name} answer p50", found.p50, "ms", beside, least.p50, None, FLOORS[factor])
    yield Row(f"{name} answer p99", found.p99, "ms", beside, least.p99, None, SLOWEST)
    yield Row(f"CPU per {name} answer", cpu, "µs")
    yield Row(f"{name} answer p50, one connection", alone.p50, "ms", "p99, ms", alone.p99)


def _beside_passwords(url: str, key: str) -> Iterator[Row]:
    """Decisions, alone and while an application on the same machine checks 20 passwords at any time."""
    requests = [post("/v1/attempts", body.encode(), key) for body in bodies()][:DECISIONS]
    send(url, requests, CONNECTIONS)  # so that nobody is new any more
    alone = send(url, requests, CONNECTIONS)
    yield Row("decisions, no argon2id", alone.per_second, "/s", "p50, ms", alone.p50)
    yield Row("decision p99, no argon2id", alone.p99, "ms", "refused", alone.bad)
    for name, costs in PASSWORDS:
        found, checks = _while_checking(costs, lambda: send(url, requests, CONNECTIONS))
        yield Row(f"decisions, argon2id in {name}", found.per_second, "/s", "checks a second", checks)
        yield Row(f"decision p99, argon2id in {name}", found.p99, "ms", "without checks", alone.p99)


def _while_checking(costs: list[int], do: Callable[[], Sent]) -> tuple[Sent, float]:
    with _checking(costs) as process:
        found = do()
        said, _ = process.communicate()  # closes its input, and so ends it
    return found, float(said)


@contextmanager
def _checking(costs: list[int]) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "bench.passwords", *map(str, costs)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.wait()


def _checks(folder: Path) -> Iterator[Row]:
    """The checks alone, beside the libraries that do the same, each on inputs that it has not seen; and the disk."""
    shown = [_shown() for _ in range(CHECKS)]
    ours = _each(lambda one: one.ours() is not None, shown)
    theirs = _each(lambda one: one.theirs().user_verified, shown)
    yield Row("check of an assertion", ours, "µs", "py_webauthn", theirs)
    step = totp.step_of(time.time_ns() // 1_000)
    secrets = [os.urandom(totp.SECRET_BYTES) for _ in range(CHECKS)]
    typed = [(secret, pyotp.TOTP(b32encode(secret).decode()), totp.at(secret, step)) for secret in secrets]
    now = step * totp.STEP_SECONDS
    ours = _each(lambda one: totp.matching_step(one[0], one[2], now * 1_000_000) == step, typed)
    theirs = _each(lambda one: one[1].verify(one[2], for_time=now, valid_window=1), typed)
    yield Row("check of a code", ours, "µs", "pyotp", theirs)
    with (folder / "sync").open("wb") as file:

        def sync(block: bytes) -> bool:
            os.pwrite(file.fileno(), block, 0)
            os.fdatasync(file.fileno())
            return True

        yield Row("fdatasync of 4 KiB", _each(sync, [os.urandom(4_096) for _ in range(CHECKS)]) / 1e3, "ms")


class _Shown(NamedTuple):
    """An assertion, and what is known of the passkey."""

    answer: str
    nonce: bytes
    raw_id: bytes
    passkey: Passkey

    def ours(self) -> webauthn.Assertion | None:
        return webauthn.check(
            self.answer,
            nonce=self.nonce.hex(),
            credentials=[("one", self.raw_id, self.passkey)],
            origins=(ORIGIN,),
            rp_id=RP_ID,
        )

    def theirs(self) -> VerifiedAuthentication:
        return verify_authentication_response(
            credential=self.answer,
            expected_challenge=self.nonce,
            expected_rp_id=RP_ID,
            expected_origin=ORIGIN,
            credential_public_key=webauthn.unbase64url(self.passkey.public_key),
            credential_current_sign_count=0,
            require_user_verification=True,
        )


def _shown() -> _Shown:
    nonce, device = os.urandom(32), SoftwareAuthenticator()
    options = json.dumps(
        {
            "rp": {"id": RP_ID, "name": "x"},
            "rpId": RP_ID,
            "user": {"id": "AA"},
            "challenge": webauthn.base64url(nonce),
        }
    )
    made = registration.check(
        device.register(options, ORIGIN),
        challenge=nonce,
        rp_id=RP_ID,
        origins=[ORIGIN],
        roots={},
        trust="flags",
    )
    assert made is not None
    passkey = Passkey(made.public_key, RP_ID, made.hardware, made.synced, made.backed_up, made.sign_count)
    return _Shown(device.answer(options, ORIGIN), nonce, made.raw_id, passkey)


def _each(right: Callable[[T], bool], inputs: Sequence[T]) -> float:
    """Microseconds of one call; every one of them has to be right."""
    began = time.perf_counter()
    found = [right(one) for one in inputs]
    took = (time.perf_counter() - began) / len(inputs) * 1e6
    if not all(found):
        raise RuntimeError("something right was refused")
    return took
