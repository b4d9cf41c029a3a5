"""Commands about people and about showing entries: their answers may be of any length, so they come line by line.

Over the control socket (``control``) a document is sent as it is written, one line after another, and ends with

    {"end":true}                        or, where it cannot go on,        {"code":"...","error":"..."}

so that a file that was cut on the way is never taken for a whole one. Nothing of it is kept on this side's disk.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec

from stepwarden.errors import InputError, StepwardenError, StorageLockedError
from stepwarden.flow.service import Service

END = b'{"end":true}\n'
SECONDS = 600.0
"""How long the next line may take: an erasure waits for disks."""


class ExportSubject(
    msgspec.Struct, frozen=True, tag_field="op", tag="subject.export", forbid_unknown_fields=True
):
    actor: str
    address: str
    reason: str


class EraseSubject(
    msgspec.Struct, frozen=True, tag_field="op", tag="subject.erase", forbid_unknown_fields=True
):
    actor: str
    address: str
    reason: str


class Disclose(msgspec.Struct, frozen=True, tag_field="op", tag="log.disclose", forbid_unknown_fields=True):
    entries: str
    fields: str
    reason: str


Streamed = ExportSubject | Disclose
"""Commands whose answer is a document."""


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


def receive(path: Path, command: Streamed) -> Iterator[str] | None:
    """The lines of the document from the service that listens at ``path``; None if none does.

    Raises:
        StepwardenError: it refused, here or at a later line; or the document was cut.
    """
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(SECONDS)
    try:
        client.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        client.close()
        return None
    except OSError as exc:
        client.close()
        raise StorageLockedError(f"the service at {path} does not answer: {exc}") from exc
    return _lines(client, msgspec.json.encode(command) + b"\n", path)


def _lines(client: socket.socket, command: bytes, path: Path) -> Iterator[str]:
    try:
        with client, client.makefile("rb") as stream:
            client.sendall(command)
            for line in stream:
                if line == END:
                    return
                if line.startswith(b'{"code":'):
                    raise InputError(str(msgspec.json.decode(line)["error"]))
                yield line.decode()
    except (OSError, ValueError) as exc:
        raise StorageLockedError(f"the service at {path} does not answer: {exc}") from exc
    raise StorageLockedError(f"the service at {path} ended before the document did: ask again")
