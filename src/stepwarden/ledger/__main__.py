"""``python -m stepwarden.ledger``: check a log, or a receipt, with nothing but this room and ``cryptography``.

    verify   --dir DIR | --url URL  --vkey KEY [--origin ORIGIN] [--policy FILE] [--checkpoint OLD ...] [--floor N]
             [--json]
    receipt  FILE --entry FILE      --vkey KEY [--origin ORIGIN] [--policy FILE] [--json]

It checks any log in the files of c2sp.org/tlog-tiles, whoever made it, and knows nothing of what its entries mean.
KEY is a public key's text or a file of such texts; the origin is the keys' name unless it is given. Without --vkey
the keys are those of the logs in the policy.

Every entry has to be there. A log that was pruned passes only where ``--floor`` says from which entry on it has to be
whole: what lies before is known by its hashes alone, and a log that hides entries would call them pruned.

Each step is printed on a line of its own. Exit codes: 0 every step holds; 1 one does not, or the log cannot be read;
2 wrong usage, which includes keys, policies and old checkpoints that cannot be read.

This is what an auditor is given (``stepwarden ledger verifier``), so it imports no other room: it is *not* where
decisions are recomputed or personal fields are opened.
"""

import argparse
import json
import sys
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from stepwarden.errors import KeyFileError, MalformedNoteError, StepwardenError
from stepwarden.ledger.checkpoint import parse_size
from stepwarden.ledger.cosignature import Ed25519CosignatureVerifier
from stepwarden.ledger.keys import read_verifiers
from stepwarden.ledger.note import MAX_NOTE, Verifier, encode_base64
from stepwarden.ledger.sources import DirectorySource, Source, UrlSource
from stepwarden.ledger.store import MAX_LEAF
from stepwarden.ledger.tlog_proof import HEADER, TlogProof
from stepwarden.ledger.verify import Report, Step
from stepwarden.ledger.verify_published import verify_published
from stepwarden.ledger.vkey import parse_vkey
from stepwarden.ledger.witness_policy import MAX_POLICY, WitnessPolicy

MAX_RECEIPT: Final = 2 * MAX_NOTE
"""Bytes read of a receipt or an old checkpoint at most."""

MAX_TOKEN: Final = 4_096
"""Bytes read of a server's key at most."""


class _UsageError(Exception):
    """What was given cannot be used."""


class _Asked:
    """What the arguments say, read from its files."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.policy: WitnessPolicy | None = None
        if arguments.policy is not None:
            text = _text(arguments.policy, MAX_POLICY)
            try:
                self.policy = WitnessPolicy.parse(text)
            except MalformedNoteError as exc:
                raise _UsageError(f"{arguments.policy} is no policy: {exc}") from exc
        self.verifiers = self._keys(arguments.vkey)
        names = {arguments.origin} if arguments.origin else {key.name for key in self.verifiers}
        if len(names) != 1:
            raise _UsageError("the keys have several names: say with --origin which log is meant")
        self.origin: str = names.pop()

    def _keys(self, given: Sequence[str]) -> Collection[Verifier]:
        keys: list[Verifier] = [key for text in given for key in _keys(text)]
        if not keys and self.policy is not None:
            keys = [log.verifier for log in self.policy.logs]
        if not keys:
            raise _UsageError("no key of the log: give one with --vkey, or a policy that lists the log")
        if any(isinstance(key, Ed25519CosignatureVerifier) for key in keys):
            raise _UsageError("a key of type 04 is a witness's, not a log's: it belongs into a policy")
        return keys


def _keys(given: str) -> Sequence[Verifier]:
    try:
        if Path(given).is_file():
            return read_verifiers(Path(given))
        return [parse_vkey(given)]
    except (KeyFileError, OSError, ValueError) as exc:
        raise _UsageError(str(exc)) from exc
    except MalformedNoteError as exc:
        raise _UsageError(f"{given[:80]!r} is neither a file nor a public key: {exc}") from exc


def _bytes(path: str, limit: int) -> bytes:
    try:
        with sys.stdin.buffer if path == "-" else open(path, "rb") as file:
            data = file.read(limit + 1)
    except (OSError, ValueError) as exc:
        raise _UsageError(f"{path} cannot be read: {getattr(exc, 'strerror', None) or exc}") from exc
    if len(data) > limit:
        raise _UsageError(f"{path} is longer than {limit} bytes: is the path right?")
    return data


def _text(path: str, limit: int) -> str:
    try:
        return _bytes(path, limit).decode()
    except UnicodeDecodeError as exc:
        raise _UsageError(f"{path} is not text: is the path right?") from exc


def _earlier(path: str) -> str:
    """An old checkpoint, or the one in a receipt: receipts are what people have kept."""
    text = _text(path, MAX_RECEIPT)
    if not text.startswith(HEADER):
        return text
    try:
        return TlogProof.parse(text).checkpoint
    except MalformedNoteError as exc:
        raise _UsageError(f"{path} is a broken receipt: {exc}") from exc


class _Progress:
    """How far it is, on a terminal; nothing elsewhere."""

    def __init__(self) -> None:
        self._shown = 0.0
        self._terminal = sys.stderr.isatty()

    def __call__(self, done: int, end: int) -> None:
        now = time.monotonic()
        if self._terminal and now - self._shown > 0.1:
            self._shown = now
            print(f"\r\x1b[Kchecking {done:,} of {end:,} entries", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._terminal and self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _source(arguments: argparse.Namespace) -> Source:
    bearer = "" if arguments.bearer is None else _text(arguments.bearer, MAX_TOKEN).strip()
    try:
        if arguments.url:
            return UrlSource(arguments.url, bearer=bearer)
    except StepwardenError as exc:
        raise _UsageError(str(exc)) from exc
    return DirectorySource(Path(arguments.dir))


def _verify(arguments: argparse.Namespace) -> int:
    asked = _Asked(arguments)
    earlier = [_earlier(path) for path in arguments.checkpoint]
    source = _source(arguments)
    progress = _Progress()
    report = verify_published(
        source,
        origin=asked.origin,
        verifiers=asked.verifiers,
        earlier=earlier,
        policy=asked.policy,
        progress=progress,
        floor=arguments.floor,
    )
    progress.clear()
    summary = f"the log {asked.origin}: {report.size:,} entries under root {encode_base64(report.root)}"
    if report.floor:
        summary += f", of which the first {report.floor:,} are not here"
    return _tell(report, summary, as_json=arguments.json)


def _receipt(arguments: argparse.Namespace) -> int:
    asked = _Asked(arguments)
    text = _text(arguments.file, MAX_RECEIPT)
    entry = _bytes(arguments.entry, MAX_LEAF)
    steps: list[Step] = []
    size, root, index = 0, b"", 0

    def holds(title: str, detail: str, count: int = 1) -> None:
        steps.append(Step(number=len(steps) + 1, title=title, ok=True, detail=detail, count=count))

    title = "the receipt"
    try:
        proof = TlogProof.parse(text)
        index = proof.index
        holds(title, f"of entry {index}")
        title = "the entry"
        claim = proof.verify(entry, asked.origin, asked.verifiers)
        size, root = claim.size, claim.root
        holds(title, f"these {len(entry)} bytes are entry {index} of the {size} that {asked.origin} signed")
        if asked.policy is not None:
            title = "the witnesses"
            _, names = asked.policy.open(proof.checkpoint, asked.verifiers)
            holds(title, f"signed by {', '.join(sorted(names)) or 'none'}, which is the quorum", len(names))
    except StepwardenError as exc:
        steps.append(Step(number=len(steps) + 1, title=title, ok=False, detail=str(exc), count=0, error=exc))
    report = Report(origin=asked.origin, size=size, root=root, steps=tuple(steps))
    return _tell(report, f"entry {index} is in the log {asked.origin}", as_json=arguments.json)


def _tell(report: Report, summary: str, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps(_as_json(report), indent=2))
    else:
        for step in report.steps:
            print(_plain(str(step)))
        print(_plain(f"{'OK' if report.ok else 'FAILED'}, {summary}"))
    return 0 if report.ok else 1


def _as_json(report: Report) -> dict[str, object]:
    steps = [
        {
            "number": step.number,
            "title": step.title,
            "ok": step.ok,
            "checked": step.checked,
            "result": step.result,
            "detail": step.detail,
            "count": step.count,
            "error": step.error.code if step.error else None,
        }
        for step in report.steps
    ]
    root = encode_base64(report.root)
    return {
        "ok": report.ok,
        "origin": report.origin,
        "size": report.size,
        "floor": report.floor,
        "root": root,
        "steps": steps,
    }


def _plain(text: str) -> str:
    """What a log says of itself must not steer the terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _index(text: str) -> int:
    try:
        return parse_size(text)
    except MalformedNoteError as exc:
        raise argparse.ArgumentTypeError(f"{text!r} is no index of an entry") from exc


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="stepwarden-verify", description="Check a transparency log, or a receipt from one, offline."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    verify = commands.add_parser("verify", help="check a whole log")
    where = verify.add_mutually_exclusive_group(required=True)
    where.add_argument("--dir", help="the log's directory")
    where.add_argument("--url", help="the log's address, without /checkpoint")
    verify.add_argument(
        "--bearer", metavar="FILE", help="with --url: a file with the key that the server asks for"
    )
    verify.add_argument(
        "--checkpoint",
        nargs="+",
        action="extend",
        default=[],
        metavar="OLD",
        help="an earlier checkpoint, or a receipt: the log must have gone on from it",
    )
    verify.add_argument(
        "--floor",
        type=_index,
        default=0,
        metavar="N",
        help="entries before this one may have been pruned; 0, which is the default: none",
    )
    verify.set_defaults(run=_verify)
    receipt = commands.add_parser("receipt", help="check that an entry is in a log")
    receipt.add_argument("file", metavar="FILE", help="the receipt (.tlog-proof)")
    receipt.add_argument(
        "--entry", required=True, metavar="FILE", help="the entry's exact bytes; - reads them from stdin"
    )
    receipt.set_defaults(run=_receipt)
    for command in (verify, receipt):
        command.add_argument(
            "--vkey",
            nargs="+",
            action="extend",
            default=[],
            metavar="KEY",
            help="the log's public key, name+id+key, or a file of such keys",
        )
        command.add_argument("--origin", help="the log's name, if it is not its keys'")
        command.add_argument(
            "--policy", metavar="FILE", help="whose signatures a checkpoint needs (c2sp.org/tlog-policy)"
        )
        command.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser


def run(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments ask (those of the process by default) and return the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        code: int = asked.run(asked)
    except _UsageError as exc:
        print(_plain(f"error: {exc}"), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return code


def main() -> None:
    """The entry point of the stand-alone verifier."""
    sys.exit(run())


if __name__ == "__main__":
    main()
