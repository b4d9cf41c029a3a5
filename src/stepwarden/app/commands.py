"""What can be asked of a running Stepwarden over its control socket, and the asking of it.

One JSON object a line in, one out (``control`` answers). Documents, which may be of any length, come line by line, as
they are written, and end with

    {"end":true}                        or, where it cannot go on,        {"code":"...","error":"..."}

so that a file that was cut on the way is never taken for a whole one. This module opens no log and is quick to load:
a command that a running service carries out needs nothing else.
"""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from stepwarden.errors import StorageLockedError, error_of

END = b'{"end":true}\n'
DOCUMENT_SECONDS = 600.0
"""How long the next line of a document may take, or an erasure, which waits for disks."""
SOCKET = "control.sock"
BY = "command"
MAX_LINE = 1_048_576
"""Bytes of a command or an answer: a policy of 60,000 bytes, however it is escaped, and what is said of it."""
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


class RotateTokens(
    msgspec.Struct, frozen=True, tag_field="op", tag="tokens.rotate", forbid_unknown_fields=True
):
    pass


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


class ResetFactors(
    msgspec.Struct, frozen=True, tag_field="op", tag="subject.reset-factors", forbid_unknown_fields=True
):
    actor: str
    reason: str


class EndSessions(
    msgspec.Struct, frozen=True, tag_field="op", tag="subject.end-sessions", forbid_unknown_fields=True
):
    actor: str
    reason: str


class StepPolicy(msgspec.Struct, frozen=True, tag_field="op", tag="policy.step", forbid_unknown_fields=True):
    """See ``flow.policies.StepAsked``; ``share`` of 10,000."""

    step: str
    policy: str = ""
    text: str = ""
    share: int = 0
    alone: bool = False
    reason: str = ""
    force: str = ""
    digest: str = ""
    summary: str = ""


class SwitchEmergency(
    msgspec.Struct, frozen=True, tag_field="op", tag="policy.emergency", forbid_unknown_fields=True
):
    on: bool
    reason: str


class ListPolicies(
    msgspec.Struct, frozen=True, tag_field="op", tag="policy.list", forbid_unknown_fields=True
):
    pass


class ShowPolicy(msgspec.Struct, frozen=True, tag_field="op", tag="policy.show", forbid_unknown_fields=True):
    policy: str


class Disclose(msgspec.Struct, frozen=True, tag_field="op", tag="log.disclose", forbid_unknown_fields=True):
    entries: str
    fields: str
    reason: str


PolicyCommand = StepPolicy | SwitchEmergency | ListPolicies | ShowPolicy
"""Commands about the life of policies; ``app.policies`` carries them out."""

Streamed = ExportSubject | Disclose
"""Commands whose answer is a document."""

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
    | RotateTokens
    | EraseSubject
    | ResetFactors
    | EndSessions
    | PruneLog
    | ExportLog
    | PolicyCommand
)


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
        except OSError as exc:  # another user's, or a path longer than a socket may have
            raise StorageLockedError(f"{data / SOCKET} cannot be used: {exc}") from exc
        try:
            client.sendall(msgspec.json.encode(command) + b"\n")
            with client.makefile("rb") as stream:
                line = stream.readline(MAX_LINE)
            answer: dict[str, object] = json.loads(line)
        except (OSError, ValueError) as exc:
            raise StorageLockedError(f"the service on {data} does not answer: {exc}") from exc
    if "error" in answer:
        raise error_of(str(answer.get("code")), str(answer["error"]))
    return answer


def receive(path: Path, command: Streamed) -> Iterator[str] | None:
    """The lines of the document from the service that listens at ``path``; None if none does.

    Raises:
        StepwardenError: it refused, here or at a later line; or the document was cut.
    """
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(DOCUMENT_SECONDS)
    try:
        client.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        client.close()
        return None
    except OSError as exc:
        client.close()
        raise StorageLockedError(f"{path} cannot be used: {exc}") from exc
    return _lines(client, msgspec.json.encode(command) + b"\n", path)


def _lines(client: socket.socket, command: bytes, path: Path) -> Iterator[str]:
    try:
        with client, client.makefile("rb") as stream:
            client.sendall(command)
            for line in stream:
                if line == END:
                    return
                if line.startswith(b'{"code":'):
                    told = json.loads(line)
                    raise error_of(str(told["code"]), str(told["error"]))
                yield line.decode()
    except (OSError, ValueError) as exc:
        raise StorageLockedError(f"the service at {path} does not answer: {exc}") from exc
    raise StorageLockedError(f"the service at {path} ended before the document did: ask again")
