"""Programs that others wrote, run beside ours as processes: installed by what their lock files pin, once.

From npm (``package-lock.json``: versions and hashes, no address) a WebAuthn client, a WebAuthn server library and a
checker of accessibility. From Python's index, in an environment of its own because it pins an old ``fido2``
(``requirements/soft.txt``), a client that never verifies anybody. What cannot be installed here is skipped, and said.
"""

import json
import shutil
import subprocess
import sys
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn, Self

import pytest

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent
PATIENCE: Final = 300


def skip(reason: str) -> NoReturn:
    """Said on the terminal as well, where skipped tests are easily overlooked."""
    print(reason)
    pytest.skip(reason)


@cache
def node() -> str:
    """The path of Node.js, with the packages of ``tests/node`` installed."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        skip("no Node.js with npm is installed: apt-get install npm")
    wanted = sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    stamp = HERE / "node_modules" / ".installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        done = _run([npm, "ci", "--no-progress"])
        if done.returncode:
            skip(f"npm cannot install the packages of tests/node: {done.stderr.strip()[:500]}")
        stamp.write_text(wanted)
    return found


@cache
def soft_python() -> str:
    """A Python that has soft-webauthn."""
    home, lock = ROOT / ".venv-soft", ROOT / "requirements" / "soft.txt"
    python, stamp = home / "bin" / "python", home / ".installed"
    wanted = sha256(lock.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        uv = Path(sys.executable).with_name("uv")
        pip = [uv, "pip", "install", "-q", "--python", python, "--require-hashes", "-r", lock]
        for command in ([uv, "venv", "-q", "--clear", "--python", sys.executable, home], pip):
            done = _run([str(part) for part in command])
            if done.returncode:
                skip(f"soft-webauthn cannot be installed: {done.stderr.strip()[:500]}")
        stamp.write_text(wanted)
    return str(python)


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, cwd=HERE, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return subprocess.CompletedProcess(command, 1, "", str(exc))


def axe() -> str:
    """The checker's script, for a page."""
    node()
    return (HERE / "node_modules" / "axe-core" / "axe.min.js").read_text()


class Device:
    """A WebAuthn client in a process of its own, which answers each line by one line."""

    def __init__(self, *command: str) -> None:
        self._process = subprocess.Popen(
            command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def tell(self, **said: object) -> str:
        """What it answers, as JSON text."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(said) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the device has ended"
        return answer.strip()


def emulator(*, verified: bool) -> Device:
    """The emulator of ``nid-webauthn-emulator``: a device whose owner is verified, or not."""
    device = Device(node(), "emulator.mjs")
    device.tell(verified=verified)
    return device


def soft_device() -> Device:
    """The device of ``soft-webauthn``."""
    return Device(soft_python(), "soft_device.py")


def verify_outside(**said: Any) -> subprocess.CompletedProcess[str]:
    """Let ``@simplewebauthn/server`` look at what a log says of one approval. See ``verifier.mjs``."""
    return subprocess.run(
        [node(), "verifier.mjs"],
        cwd=HERE,
        input=json.dumps(said),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
