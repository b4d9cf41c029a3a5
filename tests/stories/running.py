"""A real Stepwarden for the stories: the installed command, its own process, real sockets, a data directory.

    with Server(tmp_path / "data") as server:
        key = server.make_key("decide,report")
        with server.client(key) as http:
            http.post("/v1/attempts", json={"action": "login", "actor": "alice"})

Nothing here waits for a fixed time: what is waited for is looked for until it is there or ``PATIENCE`` is over.
"""

import contextlib
import io
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from unittest import mock

import httpx

from stepwarden.app.commands import CreateKey, ask_running
from stepwarden.cli.main import main
from stepwarden.ledger.keys import read_verifiers
from stepwarden.ledger.note import Verifier
from stepwarden.storage.sqlite.log import SqliteLogReader

COMMAND = Path(sys.executable).with_name("stepwarden")
PATIENCE = 60.0
"""Seconds after which a thing that has not come never will; far beyond what a busy machine takes."""
ALL_SCOPES = "decide,report,read,administer"
T = TypeVar("T")
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Everything here is on the loopback interface; each client would read all the authorities of the machine."""


def surroundings(**more: str) -> dict[str, str]:
    """The environment of our processes: wide output, and no setting from whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STEPWARDEN_")}
    return {**kept, "COLUMNS": "2000", "NO_COLOR": "1", **more}


def run(*arguments: str | Path, patience: float = PATIENCE) -> subprocess.CompletedProcess[str]:
    """One command of ours, to its end."""
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=patience,
        env=surroundings(),
        check=False,
    )


def run_beside(*commands: Sequence[str | Path]) -> list[subprocess.CompletedProcess[str]]:
    """Several commands at once, for they spend most of their time in starting. Results in their order."""
    begun = [
        subprocess.Popen(
            [COMMAND, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=surroundings(),
        )
        for arguments in commands
    ]
    results = []
    try:
        for process in begun:
            out, err = process.communicate(timeout=PATIENCE)
            results.append(subprocess.CompletedProcess(process.args, process.returncode, out, err))
    finally:
        for process in begun:
            process.kill()
    return results


def run_inside(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """One command of ours in this process: the same entry point, without the second that a new process takes."""
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with (
        mock.patch.dict(os.environ, surroundings(), clear=True),
        mock.patch.object(sys, "argv", ["stepwarden", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as exc:
            code = exc.code
    return subprocess.CompletedProcess(arguments, int(str(code or 0)), out.getvalue(), err.getvalue())


def check_log(data: Path) -> None:
    """``ledger verify`` and ``ledger replay``; both must hold."""
    for command in ("verify", "replay"):
        done = run_inside("ledger", command, "--data", data)
        assert done.returncode == 0, done.stdout + done.stderr


def words(text: str) -> str:
    """Without line breaks and frames, so that wrapping does not matter."""
    return " ".join(text.replace("│", " ").split())


def until(look: Callable[[], T | None], what: str) -> T:
    """What ``look`` gives, once it gives something."""
    end = time.monotonic() + PATIENCE
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"never came: {what}"
        time.sleep(0.02)


class Server:
    """``stepwarden serve`` on a data directory; can be stopped, killed and started again."""

    def __init__(self, data: Path, *options: str, **environment: str) -> None:
        self.data = data
        self.options = options
        self.environment = environment
        self.errors = data.with_name(data.name + ".stderr")
        self.url = ""
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self if self._process is not None else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def begin(self, *options: str, before: Callable[[], None] | None = None) -> None:
        """Start the process, and do not wait for it. ``before`` runs in it, before the command."""
        assert self._process is None
        with self.errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [COMMAND, "serve", "--data", self.data, "--port", "0", *self.options, *options],
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=surroundings(**self.environment),
                preexec_fn=before,
            )

    def start(self, *options: str, before: Callable[[], None] | None = None) -> Self:
        """Start, and wait until it answers."""
        self.begin(*options, before=before)
        return self.await_answers()

    def await_answers(self) -> Self:
        """Wait until the run that has begun answers."""
        self.url = until(self._answers_on, "the line that says where it answers")
        return self

    def _answers_on(self) -> str | None:
        found = re.search(r"answers on (http://\S+) ", self.said())
        assert found or self.process.poll() is None, f"it ended by itself: {self.said()}"
        return found[1] if found else None

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None
        return self._process

    def said(self) -> str:
        """What this run has written to standard error so far."""
        return self.errors.read_text(errors="replace")

    def ended(self) -> int:
        """Wait for the end that is coming; the exit code."""
        code = self.process.wait(PATIENCE)
        self._process = None
        return code

    def stop(self) -> int:
        """Ask to stop, as an operator or a supervisor does."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def kill(self) -> None:
        """As if the machine had taken it. No error if it is not running."""
        if self._process is not None:
            self._process.kill()
            self.ended()

    def make_key(self, scopes: str = ALL_SCOPES, name: str = "a test") -> str:
        """A new API key, as the command makes it: of the running service, or else of the stopped one's log."""
        made_there = ask_running(self.data, CreateKey(name=name, scopes=tuple(scopes.split(","))))
        if made_there is not None:
            return str(made_there["token"])
        made = run("keys", "create", "--data", self.data, "--name", name, "--scopes", scopes)
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()

    def client(self, key: str = "", **headers: str) -> httpx.Client:
        """A client that speaks to this run."""
        if key:
            headers["Authorization"] = f"Bearer {key}"
        return httpx.Client(
            base_url=self.url, headers=headers, timeout=PATIENCE, trust_env=False, verify=_NO_TLS
        )

    def async_client(self, key: str, connections: int) -> httpx.AsyncClient:
        """The same for many requests at once."""
        return httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=PATIENCE,
            trust_env=False,
            verify=_NO_TLS,
            limits=httpx.Limits(max_connections=connections),
        )

    def leaves(self) -> list[bytes]:
        """Every committed entry, read from the file beside whoever writes it."""
        reader = SqliteLogReader(self.data / "log.db")
        try:
            head = reader.load()
            return list(reader.leaves(0, head.size if head else 0))
        finally:
            reader.close()

    def verifiers(self) -> Sequence[Verifier]:
        """The public key that an auditor would keep."""
        return read_verifiers(self.data / "keys" / "ledger.vkey")
