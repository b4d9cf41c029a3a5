"""Real witnesses for the stories: the installed command, each its own process, port and directory."""

import re
import signal
import socket
import subprocess
from pathlib import Path

from tests.stories.running import COMMAND, PATIENCE, run_inside, surroundings, until


def free_port() -> int:
    """A port that nobody listens on now: a witness has to come back where it was."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class WitnessProcess:
    """``stepwarden witness serve``; can be killed and started again at the same address."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = free_port()
        self.errors = data.with_name(data.name + ".stderr")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def begin(self, *options: str) -> None:
        with self.errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [COMMAND, "witness", "serve", "--data", self.data, "--port", str(self.port), *options],
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=surroundings(),
            )

    def await_answers(self) -> None:
        until(lambda: re.search(r"answers on http", self.errors.read_text(errors="replace")), "the witness")

    def start(self, *options: str) -> None:
        self.begin(*options)
        self.await_answers()

    def end(self, how: int = signal.SIGKILL) -> int:
        """Kill it, as if the machine had been taken; the exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(how)
        return process.wait(PATIENCE)

    def pause(self) -> None:
        """It hangs: connections are taken by the system, and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def vkey(self, line: int = 0) -> str:
        """0: the Ed25519 key, 1: the ML-DSA-44 key."""
        done = run_inside("witness", "vkey", "--data", self.data)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[line]

    def seen(self) -> int:
        """How many entries it has signed, as ``witness list`` says."""
        done = run_inside("witness", "list", "--data", self.data)
        found = re.search(r"│ +([\d,]+|-) +│", done.stdout)
        assert found, done.stdout
        return -1 if found[1] == "-" else int(found[1].replace(",", ""))
