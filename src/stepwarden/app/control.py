"""The control socket: commands to a running Stepwarden from its own machine.

A Unix socket in the data directory (mode 0600): who may open it could read the log's keys as well, so it asks for
no API key. One JSON object a line in, one out:

    {"op": "key.create", "name": "shop", "scopes": ["decide", "report"]}
    {"id": "9c0e...", "token": "sw_9c0e..._..."}        or        {"code": "input.invalid", "error": "..."}

So ``stepwarden keys create`` works whether the service is running or not.
"""

import asyncio
import contextlib
import json
import socket
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from stepwarden.app.node import Node
from stepwarden.app.subjects import Disclose, EraseSubject, ExportSubject, erase, send
from stepwarden.errors import InputError, SettingsError, StepwardenError, StorageLockedError

SOCKET = "control.sock"
BY = "command"
MAX_LINE = 65_536
SECONDS = 10.0


class CreateKey(msgspec.Struct, frozen=True, tag_field="op", tag="key.create", forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(max_length=64)]
    scopes: tuple[str, ...]


class RevokeKey(msgspec.Struct, frozen=True, tag_field="op", tag="key.revoke", forbid_unknown_fields=True):
    id: str


class ListKeys(msgspec.Struct, frozen=True, tag_field="op", tag="key.list", forbid_unknown_fields=True):
    pass


class ApplyLabel(msgspec.Struct, frozen=True, tag_field="op", tag="label", forbid_unknown_fields=True):
    attempt: str
    label: Literal["attack", "benign"]
    source: str
    reliability: int


class AnchorLog(msgspec.Struct, frozen=True, tag_field="op", tag="log.anchor", forbid_unknown_fields=True):
    pass


class PruneLog(msgspec.Struct, frozen=True, tag_field="op", tag="ledger.prune", forbid_unknown_fields=True):
    floor: int
    rule: str
    archive: str


class ExportLog(msgspec.Struct, frozen=True, tag_field="op", tag="log.export", forbid_unknown_fields=True):
    """``before``: how many entries the archive has already."""

    where: str
    before: int


class TrustLog(msgspec.Struct, frozen=True, tag_field="op", tag="log.trust", forbid_unknown_fields=True):
    reason: str


class RotateLogKey(
    msgspec.Struct, frozen=True, tag_field="op", tag="log.key.rotate", forbid_unknown_fields=True
):
    overlap: int
    reason: str = ""
    keep: bool = False
    kind: Literal["", "file", "ssh-agent"] = ""
    key: str = ""


class RetireLogKey(
    msgspec.Struct, frozen=True, tag_field="op", tag="log.key.retire", forbid_unknown_fields=True
):
    pass


class ListLogKeys(
    msgspec.Struct, frozen=True, tag_field="op", tag="log.key.list", forbid_unknown_fields=True
):
    pass


Command = (
    CreateKey
    | RevokeKey
    | ListKeys
    | ApplyLabel
    | TrustLog
    | AnchorLog
    | RotateLogKey
    | RetireLogKey
    | ListLogKeys
    | EraseSubject
    | PruneLog
    | ExportLog
)
_decode = msgspec.json.Decoder(Command | ExportSubject | Disclose).decode


async def execute(node: Node, command: Command) -> dict[str, object]:
    """Carry out one command; each is an entry in the log.

    Raises:
        StepwardenError: it was not carried out.
    """
    service = node.service
    match command:
        case CreateKey(name=name, scopes=scopes):
            made = await service.make_key(name, scopes, by=BY)
            return {"id": made.id, "token": made.token}
        case RevokeKey(id=key_id):
            await service.revoke_key(key_id, by=BY)
            return {"id": key_id}
        case ListKeys():
            return {"keys": service.list_keys()}
        case RotateLogKey(overlap=overlap, reason=reason, keep=keep, kind=kind, key=key):
            await node.keeper.rotate(overlap=overlap, reason=reason, by=BY, keep=keep, kind=kind, key=key)
            return {"keys": node.keeper.listing()}
        case RetireLogKey():
            await node.keeper.retire(by=BY)
            return {"keys": node.keeper.listing()}
        case ListLogKeys():
            return {"keys": node.keeper.listing()}
        case EraseSubject():
            return await erase(service, command, by=BY)
        case ApplyLabel():
            done = await service.label(
                command.attempt,
                command.label,
                source=command.source,
                reliability=command.reliability,
                by=BY,
            )
            return {"id": done.id}
        case PruneLog(floor=floor, rule=rule, archive=archive):
            return asdict(await node.pruning.prune(floor, archive=archive, rule=rule, by=BY))
        case ExportLog(where=where, before=before):
            rows = max(0, node.sequencer.head.size - before)
            await node.service.read_recorded("log.export", by=BY, target=where, rows=rows)
            await node.publishing.publisher.step()  # what is exported goes up to the entry that says so
            return {"note": node.publishing.publisher.note}
        case TrustLog(reason=reason):
            return await node.watch.trust(reason, by=BY)
        case AnchorLog():
            if node.anchoring is None:
                raise SettingsError("no authority stamps this log: set anchors.url and anchors.roots")
            return await node.anchoring.anchor(by=BY)


async def listen(node: Node, data: Path) -> asyncio.Server:
    """Serve commands at the socket of this data directory, until closed."""
    path = data / SOCKET
    path.unlink(missing_ok=True)  # the log's lock is ours, so nobody listens there any more

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ValueError):
            line = await asyncio.wait_for(reader.readline(), SECONDS)
            await _reply(node, line, writer)
        writer.close()

    server = await asyncio.start_unix_server(serve, path, limit=MAX_LINE, start_serving=False)
    path.chmod(0o600)  # before the first connection is taken
    await server.start_serving()
    return server


async def _reply(node: Node, line: bytes, writer: asyncio.StreamWriter) -> None:
    answer: dict[str, object]
    try:
        command = _decode(line)
        if isinstance(command, ExportSubject | Disclose):
            await send(node.service, command, writer, by=BY)
            return
        answer = await execute(node, command)
    except msgspec.MsgspecError as exc:
        answer = {"code": InputError.code, "error": str(exc)}
    except StepwardenError as exc:
        answer = {"code": exc.code, "error": str(exc)}
    writer.write(json.dumps(answer).encode() + b"\n")
    await writer.drain()


def ask_running(data: Path, command: Command, *, seconds: float = SECONDS) -> dict[str, object] | None:
    """Send a command to the service that runs on this data directory; None if none does.

    Args:
        seconds: how long its answer may take.

    Raises:
        StepwardenError: it refused, or did not answer in time.
    """
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(seconds)
    with client:
        try:
            client.connect(str(data / SOCKET))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        try:
            client.sendall(msgspec.json.encode(command) + b"\n")
            with client.makefile("rb") as stream:
                line = stream.readline(MAX_LINE)
            answer: dict[str, object] = json.loads(line)
        except (OSError, ValueError) as exc:
            raise StorageLockedError(f"the service on {data} does not answer: {exc}") from exc
    if "error" in answer:
        raise InputError(str(answer["error"]))
    return answer
