"""How tests run a whole command of the command line, entry point included, in this process."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from stepwarden.cli.main import main


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


def runner(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *before: str) -> Run:
    """Runs ``stepwarden``, these words, and what is given each time; an interpreter of its own takes seconds."""

    def running(*given: str | Path) -> Done:
        monkeypatch.setattr(sys, "argv", ["stepwarden", *before, *map(str, given)])
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(int(ended.value.code or 0), *capfd.readouterr())

    return running
