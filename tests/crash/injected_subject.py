"""A process that stands ready to do one scene, so that strace can be put on it before the first system call.

    python -m tests.crash.injected_subject

Reads lines from standard input. ``scene<TAB>folder`` forks a child and prints its number; the next line lets the child
go, and then its exit code is printed: 0 for done, 3 for an error of ours, 1 for any other, -9 for killed. The child
writes what is acknowledged into ``folder.said`` and a foreign error into ``folder.error``, with system calls that no
test injects faults into.
"""

import os
import sys
import traceback
from pathlib import Path

from stepwarden.errors import StepwardenError
from tests.crash.scenes import SCENES


def write(descriptor: int, text: str) -> None:
    os.writev(descriptor, [text.encode()])


def child(name: str, folder: Path, go: int, said: int, error: int) -> int:
    os.read(go, 1)
    try:
        SCENES[name].run(folder, lambda line: write(said, line + "\n"))
    except StepwardenError:
        return 3
    except BaseException:  # noqa: BLE001 whatever it is, the test has to see it
        write(error, traceback.format_exc())
        return 1
    return 0


def main() -> None:
    for line in sys.stdin:
        name, _, path = line.rstrip("\n").partition("\t")
        folder = Path(path)
        flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC
        said = os.open(folder.with_name(folder.name + ".said"), flags, 0o600)
        error = os.open(folder.with_name(folder.name + ".error"), flags, 0o600)
        go, start = os.pipe()
        number = os.fork()
        if number == 0:
            os.close(start)
            os._exit(child(name, folder, go, said, error))
        for descriptor in (said, error, go):
            os.close(descriptor)
        print(number, flush=True)
        sys.stdin.readline()
        os.write(start, b".")
        os.close(start)
        print(os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
