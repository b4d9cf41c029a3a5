r"""Trust policies (c2sp.org/tlog-policy): whose signatures make a checkpoint one to believe.

One thing a line, parts separated by spaces or tabs, ``#`` begins a line of comment:

    log <vkey> [<url>]                      a log; its key's name is the origin of its checkpoints
    witness <name> <vkey> [<url>]           a witness, and what this file calls it
    group <name> all|any|<k> <name>...      holds when all, one or k of its members do
    quorum <name>|none                      what a checkpoint needs; exactly one such line

Names must be defined above where they are used; each is a member of one group at most, so that nobody counts
twice. For the same reason no public key may stand in two lines, whatever its name.

    >>> from stepwarden.ledger.cosignature import Ed25519Cosigner
    >>> one, two = (Ed25519Cosigner.from_seed(f"witness.example/{n}", bytes([n]) * 32) for n in (1, 2))
    >>> policy = WitnessPolicy.parse(
    ...     f"witness one {one.verifier.format()} https://one.example/\n"
    ...     f"witness two {two.verifier.format()}\n"
    ...     "group both all one two  \n"
    ...     "quorum both\n"
    ... )
    >>> policy.witnesses["one"].url, policy.satisfied_by({"one"}), policy.satisfied_by({"one", "two"})
    ('https://one.example/', False, True)

``open`` is how to read a checkpoint under a policy: it wants a listed log's signature and the quorum. Logs sign with
keys of type 01 or 06, witnesses with 04 or 06. A cosignature with time 0 says nothing of when it was made, and
does not count as a witness's.

Stricter than the specification in three things: the file must be UTF-8, its last line must be ended (a file that
was cut short is no policy), and a log's key cannot be a witness's: nobody vouches for themselves.

This module asks *no* witness for anything and reads no file.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Self

from stepwarden.errors import BadSignatureError, MalformedNoteError, WitnessError
from stepwarden.ledger.checkpoint import Checkpoint, parse_size
from stepwarden.ledger.cosignature import Ed25519CosignatureVerifier, cosigned_at
from stepwarden.ledger.note import Ed25519Verifier, SignedNote, Verifier, verified
from stepwarden.ledger.vkey import PublicKey, parse_vkey

MAX_POLICY: Final = 1_000_000
"""Characters of a policy at most; a witness with an ML-DSA key takes 1,900."""

NONE: Final = "none"
"""The quorum that asks for no witness."""

_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLog:
    """A log that the policy accepts; ``url`` may be empty."""

    verifier: PublicKey
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownWitness:
    """A witness that may count; ``name`` is this policy's name for it, ``url`` may be empty."""

    name: str
    verifier: PublicKey
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessGroup:
    """Holds when at least ``threshold`` of its members (witnesses, or groups above it) do."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessPolicy:
    """A policy that was read. Make one with ``parse``, which checks what the fields cannot say."""

    logs: tuple[KnownLog, ...]
    witnesses: Mapping[str, KnownWitness]
    groups: tuple[WitnessGroup, ...]
    quorum: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a policy.

        Raises:
            MalformedNoteError: for anything that is none; the message begins with the line's number.
        """
        if len(text) > MAX_POLICY:
            raise MalformedNoteError(f"longer than {MAX_POLICY} characters")
        *lines, rest = text.split("\n")
        reading = _Reading()
        for number, line in enumerate(lines, start=1):
            try:
                reading.read(line)
            except MalformedNoteError as exc:
                raise MalformedNoteError(f"line {number}: {exc}") from exc
        if rest:
            raise MalformedNoteError(f"line {len(lines) + 1}: not ended by a newline: is the file whole?")
        if reading.quorum is None:
            raise MalformedNoteError(f"line {len(lines) + 1}: the file ends without a quorum line")
        return cls(
            logs=tuple(reading.logs),
            witnesses=MappingProxyType(reading.witnesses),
            groups=tuple(reading.groups),
            quorum=reading.quorum,
        )

    def format(self) -> str:
        """Return a text that reads back as this policy: logs, witnesses, groups, quorum; no comments."""
        parts = [
            *(("log", log.verifier.format(), log.url) for log in self.logs),
            *(("witness", each.name, each.verifier.format(), each.url) for each in self.witnesses.values()),
            *(("group", group.name, str(group.threshold), *group.members) for group in self.groups),
            ("quorum", self.quorum),
        ]
        return "".join(" ".join(filter(None, line)) + "\n" for line in parts)

    def satisfied_by(self, names: Collection[str]) -> bool:
        """Tell whether these witnesses (by the policy's names) are a quorum. Unknown names count nothing."""
        if self.quorum == NONE:
            return True
        holds = {name for name in names if name in self.witnesses}
        # Groups stand below their members: one pass is enough, however deep they are nested.
        for group in self.groups:
            if sum(member in holds for member in group.members) >= group.threshold:
                holds.add(group.name)
        return self.quorum in holds

    def open(self, note: str, verifiers: Collection[Verifier] = ()) -> tuple[Checkpoint, frozenset[str]]:
        """Return the checkpoint in a note, and the policy's names of the witnesses who signed it.

        Args:
            verifiers: the log's keys, where the policy lists no logs and they are known from elsewhere.

        Raises:
            MalformedNoteError: not a note, or not a checkpoint.
            BadSignatureError: no known log signed it as its own, or a known key's signature does not verify.
            WitnessError: those who signed are no quorum.
        """
        logs: Collection[Verifier] = [log.verifier for log in self.logs] or verifiers
        witnesses = {(w.verifier.name, w.verifier.key_id): w.name for w in self.witnesses.values()}
        found = SignedNote.parse(note)
        good = verified(found, [*logs, *(w.verifier for w in self.witnesses.values())])
        claim = Checkpoint.parse(found.text)
        own = {(log.name, log.key_id) for log in logs if log.name == claim.origin}
        if not any((line.name, line.key_id) in own for line in good):
            raise BadSignatureError(f"no key of a known log signed this checkpoint of {claim.origin!r}")
        names = frozenset(
            witnesses[line.name, line.key_id]
            for line in good
            if (line.name, line.key_id) in witnesses and cosigned_at(line) > 0
        )
        if not self.satisfied_by(names):
            who = ", ".join(sorted(names)) or "none"
            raise WitnessError(f"too few witnesses signed the checkpoint of size {claim.size}: {who}")
        return claim, names


class _Reading:
    """The lines read so far."""

    def __init__(self) -> None:
        self.logs: list[KnownLog] = []
        self.witnesses: dict[str, KnownWitness] = {}
        self.groups: list[WitnessGroup] = []
        self.quorum: str | None = None
        self._names = {NONE}
        self._members: set[str] = set()
        self._keys: set[bytes] = set()

    def read(self, line: str) -> None:
        """Take one line in, without its newline.

        Raises:
            MalformedNoteError: it is none of a policy.
        """
        if _FORBIDDEN.search(line):
            raise MalformedNoteError("control characters, or not UTF-8")
        # Spaces and tabs only: a space of another alphabet is a letter here.
        parts = [part for part in re.split("[ \t]", line) if part]
        if not parts or parts[0].startswith("#"):
            return
        match parts:
            case ["log", vkey, *url] if len(url) < 2:
                self.logs.append(KnownLog(verifier=self._key(vkey, of_log=True), url="".join(url)))
            case ["witness", name, vkey, *url] if len(url) < 2:
                self._define(name)
                key = self._key(vkey, of_log=False)
                self.witnesses[name] = KnownWitness(name=name, verifier=key, url="".join(url))
            case ["group", name, threshold, *members] if members:
                group = WitnessGroup(
                    name=name, threshold=_threshold(threshold, len(members)), members=tuple(members)
                )
                self._join(group.members)
                self._define(name)
                self.groups.append(group)
            case ["quorum", name]:
                self._set_quorum(name)
            case [("log" | "witness" | "group" | "quorum") as word, *_]:
                raise MalformedNoteError(f"a {word} line has other parts: {_SHAPES[word]}")
            case _:
                raise MalformedNoteError(f"{parts[0][:40]!r} begins no line of a policy")

    def _define(self, name: str) -> None:
        if name in self._names:
            raise MalformedNoteError(f"the name {name!r} is taken")
        self._names.add(name)

    def _join(self, members: tuple[str, ...]) -> None:
        for member in members:
            if member not in self._names or member == NONE:
                raise MalformedNoteError(f"no witness or group {member!r} above this line")
            if member in self._members:
                raise MalformedNoteError(f"{member!r} is a member already, and would count twice")
            self._members.add(member)

    def _set_quorum(self, name: str) -> None:
        if self.quorum is not None:
            raise MalformedNoteError("a second quorum line")
        if name not in self._names:
            raise MalformedNoteError(f"no witness or group {name!r} above this line")
        self.quorum = name

    def _key(self, vkey: str, *, of_log: bool) -> PublicKey:
        key = parse_vkey(vkey)
        if of_log and isinstance(key, Ed25519CosignatureVerifier):
            raise MalformedNoteError("a log's key is of type 01 or 06, this one is a witness's (04)")
        if not of_log and isinstance(key, Ed25519Verifier):
            raise MalformedNoteError("a witness's key is of type 04 or 06, this one is a log's (01)")
        if key.public_key in self._keys:
            raise MalformedNoteError("this public key stands in a line above: it would count twice")
        self._keys.add(key.public_key)
        return key


_SHAPES: Final = {
    "log": "log <vkey> [<url>]",
    "witness": "witness <name> <vkey> [<url>]",
    "group": "group <name> all|any|<k> <name>...",
    "quorum": "quorum <name>",
}


def _threshold(text: str, members: int) -> int:
    if text == "any":
        return 1
    if text == "all":
        return members
    count = parse_size(text)
    if not 1 <= count <= members:
        raise MalformedNoteError(f"{count} of {members} members cannot be asked for")
    return count
