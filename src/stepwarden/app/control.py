"""The control socket: commands to a running Stepwarden from its own machine.

A Unix socket in the data directory (mode 0600): who may open it could read the log's keys as well, so it asks for
no API key. One JSON object a line in, one out:

    {"op": "key.create", "name": "shop", "scopes": ["decide", "report"]}
    {"id": "9c0e...", "token": "sw_9c0e..._..."}        or        {"code": "input.invalid", "error": "..."}

So ``stepwarden keys create`` works whether the service is running or not. What may be asked is in ``commands``.
"""

import asyncio
import contextlib
import json
from dataclasses import asdict
from pathlib import Path

import msgspec

from stepwarden.app.commands import (
    BY,
    MAX_LINE,
    SECONDS,
    SOCKET,
    AnchorLog,
    ApplyLabel,
    Command,
    CreateKey,
    Disclose,
    EndSessions,
    EraseSubject,
    ExportLog,
    ExportSubject,
    ListKeys,
    ListLogKeys,
    ListPolicies,
    PruneLog,
    ResetFactors,
    RetireLogKey,
    RevokeKey,
    RotateLogKey,
    RotateTokens,
    ShowPolicy,
    StepPolicy,
    SwitchEmergency,
    TrustLog,
)
from stepwarden.app.node import Node
from stepwarden.app.policies import policy_command
from stepwarden.app.subjects import erase, send
from stepwarden.app.token_keys import rotate
from stepwarden.errors import InputError, SettingsError, StepwardenError
from stepwarden.events.entries import Administration

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
        case RotateTokens():
            kept = rotate(node.paths.keys.tokens)
            await node.recorder.append(
                Administration(
                    time=node.recorder.now(),
                    id=node.recorder.new_id(),
                    by=BY,
                    action="tokens.rotated",
                    target=kept[0],
                )
            ).durable
            return {"keys": kept}
        case EraseSubject():
            return await erase(service, command, by=BY)
        case ResetFactors(actor=actor, reason=reason):
            gone = await service.proving.enrolments.reset(actor, reason=reason, by=BY)
            return {"factors": gone}
        case EndSessions(actor=actor, reason=reason):
            await service.proving.sessions.revoke(actor, session="", reason=reason, by=BY)
            return {"actor": actor}
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
        case StepPolicy() | SwitchEmergency() | ListPolicies() | ShowPolicy():
            return await policy_command(service.policies, command, by=BY)
        case TrustLog(reason=reason):
            trusted = await node.watch.trust(reason, by=BY)
            node.publishing.forget()
            return trusted
        case AnchorLog():
            if node.anchoring is None:
                raise SettingsError("no authority stamps this log: set anchors.url and anchors.roots")
            return await node.anchoring.anchor(by=BY)


async def listen(node: Node, data: Path) -> asyncio.Server:
    """Serve commands at the socket of this data directory, until closed.

    Raises:
        SettingsError: it cannot be made there; a socket's path has at most 107 bytes.
    """
    path = data / SOCKET
    path.unlink(missing_ok=True)  # the log's lock is ours, so nobody listens there any more

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ValueError):
            line = await asyncio.wait_for(reader.readline(), SECONDS)
            await _reply(node, line, writer)
        writer.close()

    try:
        server = await asyncio.start_unix_server(serve, path, limit=MAX_LINE, start_serving=False)
    except OSError as exc:
        raise SettingsError(f"the control socket {path} cannot be made: {exc}") from exc
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
