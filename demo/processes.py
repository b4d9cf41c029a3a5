"""The demonstration's children: Stepwarden and the bank, each a process of its own, always stopped with us.

They run in sessions of their own, so that Ctrl-C reaches them through us, in order: the bank first, Stepwarden last.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
_KEY = re.compile(r"sw_[A-Za-z0-9]+_[A-Za-z0-9_-]+")


class DemoError(Exception):
    """The demonstration cannot go on; the message says why and what to look at."""


def free_port(wanted: int) -> int:
    """``wanted``, or where it is taken some free one, on the loopback interface.

    Browsers that are told "localhost" may look for it at ``::1`` first, so nobody else may be there either.
    """
    for port in (wanted, 0, 0, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found = int(probe.getsockname()[1])
                if not _is_taken("::1", found):
                    return found
    raise DemoError("no free port on 127.0.0.1")


def _is_taken(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=0.5):
        return True
    return False


def stepwarden_command() -> list[str]:
    """The installed ``stepwarden`` that belongs to this interpreter."""
    script = Path(sys.executable).with_name("stepwarden")
    if not script.exists():
        raise DemoError(f"{script} is missing: run `make demo`, which makes the environment")
    return [str(script)]


async def create_key(data: Path) -> str:
    """An API key for the bank and for us, made before the service takes the log.

    Raises:
        DemoError: the command failed, or printed no key.
    """
    command = [*stepwarden_command(), "keys", "create", "--data", str(data), "--name", "demo"]
    child = await asyncio.create_subprocess_exec(
        *command,
        "--scopes",
        "decide,report,administer",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await child.communicate()
    found = _KEY.search(out.decode())
    if child.returncode or not found:
        raise DemoError(f"stepwarden keys create failed:\n{err.decode()}")
    return found[0]


async def verified(data: Path) -> str:
    """What an auditor would find: the log of the demonstration checked from its first entry, in words."""
    command = [*stepwarden_command(), "ledger", "verify", "--data", str(data)]
    child = await asyncio.create_subprocess_exec(
        *command,
        "--json",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    out, err = await child.communicate()
    try:
        found = json.loads(out)
    except ValueError:
        return f"The log could not be verified: {err.decode().strip()}"
    steps: dict[str, list[str]] = {}
    for step in found["steps"]:
        steps.setdefault(step["result"], []).append(f"{step['number']} {step['title']}")
    held = "; ".join(f"{result}: {', '.join(names)}" for result, names in steps.items())
    return f"The log, {found['size']:,} entries, verified from the first. {held}\nAgain: {' '.join(command)}"


class Child:
    """One running process whose messages go to ``log``."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.process = process
        self._log = log

    @classmethod
    async def start(
        cls,
        name: str,
        command: list[str],
        *,
        log: Path,
        environment: Mapping[str, str],
        read_output: bool = False,
    ) -> "Child":
        with log.open("ab") as sink:
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=ROOT,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if read_output else sink,
                stderr=sink,
                env={**os.environ, **environment},
                start_new_session=True,
            )
        return cls(name, process, log)

    def end_of_log(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()[-15:]
        return "\n".join(["", f"{self._log}:", *lines])

    async def wait_ready(self, url: str, seconds: float) -> None:
        """Until ``url`` answers 200.

        Raises:
            DemoError: the process ended, or was not ready in time.
        """
        async with httpx.AsyncClient(trust_env=False, timeout=2) as web:
            for _ in range(int(seconds / 0.1)):
                if self.process.returncode is not None:
                    raise DemoError(f"{self.name} ended while starting.{self.end_of_log()}")
                with contextlib.suppress(httpx.HTTPError):
                    if (await web.get(url)).status_code == 200:
                        return
                await asyncio.sleep(0.1)
        raise DemoError(f"{self.name} was not ready after {seconds:.0f} s.{self.end_of_log()}")

    async def stop(self) -> None:
        """Ask, wait five seconds, then insist."""
        for sign, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 2.0)):
            if self.process.returncode is not None:
                return
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(sign)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), patience)
