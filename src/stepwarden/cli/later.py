"""Commands that are loaded when they are called, so that a start costs what this one command needs.

A group knows of each command its name, one line about it, and where it is. The list of commands (``--help``, and what a
shell completes) is made of that alone; whoever names a command gets the real one, with all its options.

    app = typer.Typer(cls=later({"serve": Later("stepwarden.cli.serve:serve", "Decide and answer.")}))
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

MARKUP: Any = "markdown"


@dataclass(frozen=True, slots=True)
class Later:
    """Where a command is, ``module:name`` of a function or of a ``Typer``; ``help``: the first paragraph of its own."""

    where: str
    help: str


def load(name: str, one: Later) -> Any:
    """Import the command of this name."""
    module, _, attribute = one.where.partition(":")
    found = getattr(import_module(module), attribute)
    holder = typer.Typer(rich_markup_mode=MARKUP, add_completion=False)
    holder.callback()(_nothing)  # which makes it a group, however few commands it has
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=name)
    else:
        holder.command(name)(found)
    group: Any = typer.main.get_command(holder)
    return group.commands[name]


def later(table: Mapping[str, Later]) -> type[TyperGroup]:
    """A kind of group that has these commands, in this order."""

    class Group(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            for name, one in table.items():
                self.add_command(TyperCommand(name=name, help=one.help, rich_markup_mode=MARKUP))

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            name, command, rest = super().resolve_command(ctx, args)
            return name, load(name, table[name]) if name is not None and name in table else command, rest

    return Group


def _nothing() -> None:
    pass
