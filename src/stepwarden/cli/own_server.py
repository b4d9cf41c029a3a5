"""A server of one's own for as long as one command runs: in a temporary directory, on a free port, gone afterwards.

    with own_server(policy_text, {"vpn": ["192.0.2.0/24"]}) as (url, key):
        ...

Between the command and its server stands a watcher, a process of its own. It ends the server and removes the directory
as soon as the pipe from the command closes, which the kernel does however the command ends: well, by an error, by
Ctrl-C, or killed. Ctrl-C in a terminal reaches neither watcher nor server: they are in a session of their own.

``python -m stepwarden.cli.own_server DIRECTORY`` is the watcher. Not here: what is done with the server.
"""

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from stepwarden.errors import StepwardenError

PATIENCE: Final = 60.0
"""Seconds in which a server starts, or has stopped."""
SCOPES: Final = "decide,report,administer"
LOG, KEY, DATA, FAILED = "server.log", "key", "data", "failed"
_ANSWERS: Final = re.compile(r"answers on (http://\S+) ")


@contextlib.contextmanager
def own_server(policy: str, lists: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Start a server that decides by this policy; gives its URL and an API key.

    Args:
        policy: the text of a policy file.
        lists: ranges by the kind of address that they are: ``vpn``, ``datacenter``, ``tor``.

    Raises:
        StepwardenError: it did not start; the message has the end of what it said.
    """
    directory = Path(tempfile.mkdtemp(prefix="stepwarden-lab-"))
    watcher: subprocess.Popen[bytes] | None = None
    try:
        _furnish(directory / DATA, policy, lists)
        command = [sys.executable, "-m", "stepwarden.cli.own_server", str(directory)]
        watcher = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, stdin=subprocess.PIPE, env=_environment(), start_new_session=True
        )
        url = _await(directory, watcher)
        yield url, (directory / KEY).read_text().strip()
    finally:
        if watcher is not None and watcher.stdin is not None:
            watcher.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                watcher.wait(PATIENCE)
        shutil.rmtree(directory, ignore_errors=True)


def _furnish(data: Path, policy: str, lists: Mapping[str, Sequence[str]]) -> None:
    """Policy, lists and settings, as an operator would put them there."""
    data.mkdir(mode=0o700)
    (data / "policy.yaml").write_text(policy, encoding="utf-8")
    lines = ["[addresses]", "builtin = false"]
    for kind, ranges in lists.items():
        path = data / f"{kind}.txt"
        path.write_text("\n".join(ranges) + "\n")
        lines.append(f'{kind} = ["{path}"]')
    (data / "stepwarden.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _environment() -> dict[str, str]:
    """Ours without settings that are meant for another service, and wide enough for one line to be one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STEPWARDEN_")}
    return {**kept, "COLUMNS": "1000", "NO_COLOR": "1"}


def _await(directory: Path, watcher: "subprocess.Popen[bytes]") -> str:
    """The URL, once the server says it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        said = _said(directory)
        found = _ANSWERS.search(said)
        if found is not None:
            return found[1]
        if watcher.poll() is not None or (directory / FAILED).exists():
            break
        time.sleep(0.05)
    last = "\n".join(_said(directory).splitlines()[-8:])
    raise StepwardenError(f"the simulation's own server did not start; the end of what it said:\n{last}")


def _said(directory: Path) -> str:
    try:
        return (directory / LOG).read_text(errors="replace")
    except OSError:
        return ""


def watch(directory: Path) -> int:
    """Make a key, serve, and end both server and directory when standard input does, or when the server ends."""
    server: subprocess.Popen[bytes] | None = None
    try:
        with (directory / LOG).open("wb") as log, (directory / KEY).open("wb") as key:
            ours = [sys.executable, "-m", "stepwarden.cli.main"]
            data = ["--data", str(directory / DATA)]
            make = [*ours, "keys", "create", *data, "--name", "simulation", "--scopes", SCOPES]
            made = subprocess.run(make, stdin=subprocess.DEVNULL, stdout=key, stderr=log, check=False)  # noqa: S603
            if made.returncode == 0:
                serve = [*ours, "serve", *data, "--port", "0"]
                server = subprocess.Popen(serve, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603
        while server is not None and server.poll() is None:
            readable, _, _ = select.select([sys.stdin], [], [], 0.2)
            if readable and not os.read(sys.stdin.fileno(), 1):
                return 0
        # It ended by itself: whoever waits reads why, and closes the pipe.
        (directory / FAILED).touch()
        os.read(sys.stdin.fileno(), 1)
        return 1
    finally:
        if server is not None:
            _end(server)
        shutil.rmtree(directory, ignore_errors=True)


def _end(server: "subprocess.Popen[bytes]") -> None:
    """Ask, then insist: there is nothing in this log that anybody will miss."""
    for sign, patience in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 10.0)):
        if server.poll() is not None:
            return
        server.send_signal(sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(patience)


if __name__ == "__main__":
    sys.exit(watch(Path(sys.argv[1])))
