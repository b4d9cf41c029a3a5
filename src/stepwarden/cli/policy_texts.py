"""The text of a policy that a command names: a file, the one that ships, or one of the log."""

from pathlib import Path

import typer

from stepwarden.app.commands import ShowPolicy
from stepwarden.cli.keys import run
from stepwarden.policy.default import default_text


def text_of(data: Path, word: str) -> str:
    """The text of a policy: a file, ``default``, or one of the log by its hash, ``live``, ``shadow`` or ``canary``."""
    if word == "default":
        return default_text()
    if Path(word).is_file():
        return read_file(Path(word))
    return str(run(data, ShowPolicy(word))["text"])


def read_file(file: Path) -> str:
    """The text of a file; a command that cannot read it ends with 2."""
    try:
        return file.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as exc:
        typer.echo(f"{file}: cannot be read: {exc}", err=True)
        raise typer.Exit(2) from exc
