"""Commands on a log that no service has open: it is opened for that moment, which takes all of Stepwarden.

Imported only when nobody answers at the control socket, so that asking a running service costs nothing of it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from stepwarden.app.commands import BY, Command, Streamed, TrustLog
from stepwarden.app.control import execute
from stepwarden.app.node import Node, open_node
from stepwarden.app.settings import environment, load_settings
from stepwarden.app.subjects import lines_of
from stepwarden.cli.options import Bars


async def carry_out(data: Path, command: Command) -> dict[str, object]:
    """Open the log, carry out the command, close it.

    Raises:
        StepwardenError: it could not be opened, or the command was not carried out.
    """
    # Whoever comes to end a doubt is let in; ``start`` would refuse the log that they come for.
    async with _opened(data, doubtful=isinstance(command, TrustLog)) as node:
        return await execute(node, command)


async def carry_out_all(data: Path, commands: Sequence[Command]) -> None:
    """Open the log once, carry out the commands one after another, close it.

    Raises:
        StepwardenError: it could not be opened, or one was not carried out; those before it were.
    """
    async with _opened(data) as node:
        for command in commands:
            await execute(node, command)


async def document(data: Path, command: Streamed, write: Callable[[str], object]) -> None:
    """Give each line of the document that the command asks for to ``write``.

    Raises:
        StepwardenError: likewise.
    """
    async with _opened(data) as node:
        async for line in lines_of(node.service, command, by=BY):
            write(line)


@asynccontextmanager
async def _opened(data: Path, *, doubtful: bool = False) -> AsyncIterator[Node]:
    settings = load_settings(data, environment(), {})
    with Bars() as report:
        node = await asyncio.to_thread(open_node, data, settings, report)
    try:
        await (node.begin() if doubtful else node.start())
        yield node
    finally:
        await node.close("command done")
