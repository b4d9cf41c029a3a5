"""Faults from the kernel's side: strace fails the n-th system call of a kind (EIO, ENOSPC), or kills the process at it.

Unlike the matrix this also reaches what SQLite does without a VFS of ours, and it kills a real process, whose files are
then what the kernel has. After each fault the whole tree is verified, with all that was acknowledged; the work is done
again, and verified again. ``make soak`` goes on with n until nothing is left to fail.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.scenes import SCENES

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
CALLS = (
    "openat",
    "pwrite64",
    "write",
    "fsync",
    "fdatasync",
    "ftruncate",
    "linkat",
    "renameat",
    "unlink",
    "unlinkat",
)
FAULTS = ("error=EIO", "error=ENOSPC", "signal=SIGKILL")
SAMPLED = (1, 2, 5)


def why_not() -> str:
    """Why strace cannot be used here; empty where it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    done = subprocess.run(["strace", "-e", "trace=none", "true"], capture_output=True, text=True, check=False)
    return f"ptrace is refused: {done.stderr.strip()}" if done.returncode else ""


REASON = why_not()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON or "strace works")


class Subjects:
    """Forks a child for each scene, with strace on it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.crash.injected_subject"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def run(
        self, scene: str, folder: Path, call: str, fault: str, number: int
    ) -> tuple[int, list[str], bool]:
        """Run it with a fault; its exit code, what it acknowledged, and whether the fault came to pass."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(f"{scene}\t{folder}", file=self._process.stdin, flush=True)
        child = self._process.stdout.readline().strip()
        trace, messages = folder.with_name(folder.name + ".trace"), folder.with_name(folder.name + ".strace")
        with messages.open("w") as file:
            watched = ["-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={number}"]
            strace = subprocess.Popen(["strace", "-f", "-p", child, "-o", str(trace), *watched], stderr=file)
        end = time.monotonic() + PATIENCE
        while "attached" not in messages.read_text():
            assert strace.poll() is None, messages.read_text()
            assert time.monotonic() < end, "strace did not attach"
            time.sleep(0.002)
        print("go", file=self._process.stdin, flush=True)
        code = int(self._process.stdout.readline())
        strace.wait(PATIENCE)
        said = folder.with_name(folder.name + ".said").read_text().splitlines()
        assert code in (0, 3, -9), folder.with_name(folder.name + ".error").read_text()
        return code, said, code == -9 or "(INJECTED)" in trace.read_text()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE)


@pytest.fixture(scope="module")
def subjects() -> Iterator[Subjects]:
    found = Subjects()
    yield found
    found.close()


@pytest.fixture(params=SCENES.values(), ids=lambda scene: scene.name.replace(" ", "-"))
def prepared(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    folder = tmp_path / "prepared"
    folder.mkdir()
    request.param.prepare(folder)
    return request.param.name, folder


def inject(subjects: Subjects, name: str, start: Path, call: str, fault: str, number: int) -> bool:
    """One run and all that must hold after it; whether there was still a call to fail."""
    scene, folder = SCENES[name], start.with_name("live")
    shutil.copytree(start, folder)
    code, said, injected = subjects.run(name, folder, call, fault, number)
    try:
        assert injected or code == 0, f"exit {code} without a fault"
        scene.check(folder, said)
        if injected:
            scene.run(folder, said.append)
            scene.check(folder, said)
    except BaseException as exc:
        exc.add_note(f"{name}: {fault} at {call} number {number}, exit {code}")
        raise
    shutil.rmtree(folder)
    return injected


@pytest.mark.parametrize("name", ["commit", "prune", "export"])
def test_some_system_calls_fail(subjects: Subjects, tmp_path: Path, name: str) -> None:
    """One of each kind, on the commit path and the export path, by errors and by kills in turn."""
    start = tmp_path / "prepared"
    start.mkdir()
    SCENES[name].prepare(start)
    faults = sum(
        inject(subjects, name, start, call, FAULTS[(place + len(name)) % 3], SAMPLED[place // 3 % 3])
        for place, call in enumerate(CALLS)
    )
    assert faults > 2


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", CALLS)
def test_every_system_call_fails(
    subjects: Subjects, prepared: tuple[str, Path], call: str, fault: str
) -> None:
    """n = 1, 2, ... until a run in which nothing was left to fail."""
    name, start = prepared
    number = 1
    while inject(subjects, name, start, call, fault, number):
        number += 1
