"""Commands about people and about showing entries, carried out by an open service. How they are asked: ``commands``."""

import asyncio
from collections.abc import AsyncIterator

import msgspec

from stepwarden.app.commands import END, Disclose, EraseSubject, ExportSubject, Streamed
from stepwarden.errors import StepwardenError
from stepwarden.flow.service import Service


async def lines_of(service: Service, command: Streamed, *, by: str) -> AsyncIterator[str]:
    """The document that a command asks for.

    Raises:
        StepwardenError: it cannot be made; what has been given of it so far is none.
    """
    match command:
        case ExportSubject(actor=actor, address=address, reason=reason):
            lines = await service.subjects.export(actor, address, by=by, reason=reason)
        case Disclose(entries=entries, fields=fields, reason=reason):
            lines = await service.disclosing.disclose(entries, fields, reason=reason, by=by)
    async for line in lines:
        yield line


async def erase(service: Service, command: EraseSubject, *, by: str) -> dict[str, object]:
    """Erase, and say what went."""
    done = await service.subjects.erase(command.actor, command.address, reason=command.reason, by=by)
    return {"id": done.id, "openings": done.openings, "factors": done.factors}


async def send(service: Service, command: Streamed, writer: asyncio.StreamWriter, *, by: str) -> None:
    """Write the document to whoever asked."""
    end = END
    try:
        async for line in lines_of(service, command, by=by):
            writer.write(line.encode())
            await writer.drain()
    except StepwardenError as exc:
        end = msgspec.json.encode({"code": exc.code, "error": str(exc)}) + b"\n"
    writer.write(end)
    await writer.drain()
