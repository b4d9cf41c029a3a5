"""Documents of entries on the command line: had from the running service or from a stopped log, written whole or not.

A file with personal values is made readable by its owner only, and appears under its name when it is complete.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from stepwarden.app.commands import SOCKET, Streamed, receive
from stepwarden.cli.options import existing
from stepwarden.errors import InputError

T = TypeVar("T")


def fetch(data: Path, command: Streamed, write: Callable[[str], object]) -> None:
    """Give each line of the document to ``write``: from the running service, or else from the log here."""
    lines = receive(data / SOCKET, command)
    if lines is None:
        existing(data)
        from stepwarden.cli.stopped import document

        asyncio.run(document(data, command, write))
        return
    for line in lines:
        write(line)


@contextlib.contextmanager
def written(path: Path) -> Iterator[Callable[[str], object]]:
    """A new file of mode 0600, which is there when all of it is.

    Raises:
        InputError: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            yield lambda text: file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as exc:
        raise InputError(f"{path} cannot be written: {exc.strerror}", field="out") from exc
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()


def read_with(path: Path, check: Callable[[Iterator[str]], T]) -> T:
    """Have the lines of a file checked.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            return check(iter(file))
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"{path} cannot be read: {exc}", field="file") from exc
