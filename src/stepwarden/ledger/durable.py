"""Files that are there whole or not at all, and stay: what keys, snapshots, kept checkpoints and stamps are written by.

A draft beside the file is written and synced, then takes the file's name, then the folder is synced. Whoever is killed
on the way leaves the file as it was, and at most a draft whose name begins with a dot.

Not here: what an operating system's error means to the caller, who says it in words of its own.
"""

import contextlib
import os
from pathlib import Path


def write_whole(path: Path, data: bytes, *, mode: int, over: bool) -> None:
    """Write a file, durable on return.

    Args:
        mode: its permissions, from its first instant on.
        over: take the place of a file that is there; without it, one that is there is never touched.

    Raises:
        FileExistsError: there is one, and ``over`` is not given.
        OSError: it cannot be written; what was there is there still.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        # Always a new file: one that stands there already, or what a link there leads to, may be open to others.
        draft.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(draft, flags, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if over:
            draft.replace(path)
        else:
            os.link(draft, path)  # unlike a rename, it never overwrites
        sync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable.

    Raises:
        OSError: they cannot be.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
