"""Signing by ssh-agent: the log's secret key stays in another process, or behind it in a hardware token.

The protocol is draft-miller-ssh-agent, over a Unix socket; a message is a length (32 bits, big endian) and as many
bytes, the first of which is its type:

    11 REQUEST_IDENTITIES            12 IDENTITIES_ANSWER  count, then (key blob, comment) each
    13 SIGN_REQUEST  blob, data, 0   14 SIGN_RESPONSE      string("ssh-ed25519" string, 64 bytes)
                                      5 FAILURE            locked, asked and refused, or no such key

Only keys of type ssh-ed25519 can sign a log: they make the signatures that a checkpoint holds, raw. A signature is
checked against the public key before it is used, so that an agent that answers with another key's signature (or with
nonsense) signs nothing.

Each failure is a ``SignerError``, which ends the commit that asked; the log stops, and is never signed by another key.
One connection is kept. If the agent has closed it since (it was restarted), one new connection is tried; an agent that
does not answer in time is not asked again.

Whoever reaches the agent's socket can sign as the log: it must be ours alone, as a key file must be. This is *not* a
way to keep the other secrets: master key and cosigner stay in files.
"""

import contextlib
import hashlib
import os
import socket
import stat
import struct
import threading
import time
from binascii import b2a_base64
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stepwarden.errors import MalformedNoteError, SignerError
from stepwarden.ledger.note import Ed25519Verifier

SECONDS: Final = 5.0
"""How long the agent may take for a whole answer: it may ask somebody to touch a token."""

MAX_MESSAGE: Final = 262_144
"""Bytes of an answer at most, as OpenSSH's own limit."""

MAX_IDENTITIES: Final = 2_048
REQUEST_IDENTITIES, IDENTITIES_ANSWER = 11, 12
SIGN_REQUEST, SIGN_RESPONSE = 13, 14
FAILURE: Final = 5
TYPE: Final = b"ssh-ed25519"


@dataclass(frozen=True, slots=True)
class Identity:
    """An Ed25519 key that the agent holds."""

    public_key: bytes
    comment: str

    @property
    def fingerprint(self) -> str:
        """``SHA256:...``, as ``ssh-add -l`` shows it."""
        digest = hashlib.sha256(_blob(self.public_key)).digest()
        return "SHA256:" + b2a_base64(digest, newline=False).decode().rstrip("=")


class SshAgent:
    """One agent. Safe to use from several threads: one request at a time."""

    def __init__(self, path: str, *, seconds: float = SECONDS) -> None:
        """Speak with the agent at a socket; nothing is opened before the first request.

        Raises:
            SignerError: no path is given.
        """
        if not path:
            raise SignerError(
                "there is no ssh-agent: start one and set SSH_AUTH_SOCK, or set signer.socket to its socket"
            )
        self._path = path
        self._seconds = seconds
        self._lock = threading.Lock()
        self._open: socket.socket | None = None

    @property
    def path(self) -> str:
        """The agent's socket."""
        return self._path

    def identities(self) -> list[Identity]:
        """Return the Ed25519 keys that the agent offers now; none while it is locked.

        Raises:
            SignerError: it is out of reach, or answers something else.
        """
        reader = _Reader(self._ask(bytes([REQUEST_IDENTITIES]), IDENTITIES_ANSWER), self._path)
        count = reader.number()
        if count > MAX_IDENTITIES:
            raise SignerError(f"the ssh-agent at {self._path} offers {count} keys: that cannot be")
        found = []
        for _ in range(count):
            blob, comment = reader.string(), reader.string()
            raw = blob[-32:]
            if blob == _blob(raw):
                found.append(Identity(raw, comment.decode("utf-8", "replace")))
        reader.end()
        return found

    def find(self, wanted: str) -> Identity:
        """Return the key with this fingerprint or comment; with "" the only one.

        Raises:
            SignerError: there is none, or more than one.
        """
        known = self.identities()
        found = [one for one in known if wanted in ("", one.fingerprint, one.comment)]
        if len(found) == 1:
            return found[0]
        offered = ", ".join(f"{one.fingerprint} ({one.comment!r})" for one in known) or "none (is it locked?)"
        which = f"key {wanted!r}" if wanted else "one Ed25519 key"
        many = "more than one" if found else "no"
        raise SignerError(
            f"the ssh-agent at {self._path} has {many} {which}: it offers {offered}. Add it with "
            "ssh-add, unlock the agent with `ssh-add -X`, or set signer.key to a fingerprint"
        )

    def sign(self, public_key: bytes, message: bytes) -> bytes:
        """Return the 64 bytes of an Ed25519 signature. Not checked here: ``AgentSigner`` does.

        Raises:
            SignerError: out of reach, locked, refused, or no such key.
        """
        request = bytes([SIGN_REQUEST]) + _string(_blob(public_key)) + _string(message) + bytes(4)
        outer = _Reader(self._ask(request, SIGN_RESPONSE), self._path)
        reader = _Reader(outer.string(), self._path)
        outer.end()
        kind, signature = reader.string(), reader.string()
        reader.end()
        if kind != TYPE or len(signature) != 64:
            raise SignerError(f"the ssh-agent at {self._path} made a signature of another kind")
        return signature

    def close(self) -> None:
        """Let go of the connection. The next request opens another one."""
        with self._lock:
            self._drop()

    def _ask(self, request: bytes, expected: int) -> bytes:
        """Send a request; return what follows the type in the answer."""
        message = _string(request)
        with self._lock:
            kept, deadline = self._open is not None, time.monotonic() + self._seconds
            try:
                try:
                    answer = self._exchange(message, deadline)
                except (BrokenPipeError, ConnectionResetError, EOFError):
                    # The agent closed the connection that we kept. Asking twice harms nobody: Ed25519 signs alike.
                    self._drop()
                    if not kept:
                        raise
                    answer = self._exchange(message, deadline)
            except TimeoutError as exc:
                self._drop()
                raise SignerError(
                    f"the ssh-agent at {self._path} did not answer within {self._seconds:g} s"
                ) from exc
            except (OSError, EOFError) as exc:
                self._drop()
                raise SignerError(
                    f"the ssh-agent at {self._path} is out of reach ({exc}): start it, add the log's key "
                    "with ssh-add, and start Stepwarden again"
                ) from exc
            except BaseException:
                self._drop()  # what is left on the connection belongs to no request
                raise
        if answer[:1] == bytes([FAILURE]):
            raise SignerError(
                f"the ssh-agent at {self._path} refused to sign: it is locked (`ssh-add -X`), "
                "lacks the log's key (`ssh-add -l`), or somebody declined"
            )
        if answer[:1] != bytes([expected]):
            raise SignerError(f"what listens at {self._path} does not speak as an ssh-agent")
        return answer[1:]

    def _exchange(self, message: bytes, deadline: float) -> bytes:
        if self._open is None:
            self._open = self._connect()
        self._open.settimeout(_left(deadline))
        self._open.sendall(message)
        (length,) = struct.unpack(">I", self._receive(4, deadline))
        if not 1 <= length <= MAX_MESSAGE:
            raise SignerError(f"what listens at {self._path} does not speak as an ssh-agent")
        return self._receive(length, deadline)

    def _connect(self) -> socket.socket:
        status = Path(self._path).stat()
        if not stat.S_ISSOCK(status.st_mode) or status.st_uid not in (os.getuid(), 0):
            raise SignerError(f"{self._path} is no socket of ours: whose agent would that be?")
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            client.settimeout(self._seconds)
            client.connect(self._path)
        except BaseException:
            client.close()
            raise
        return client

    def _receive(self, count: int, deadline: float) -> bytes:
        if self._open is None:
            raise EOFError("closed")
        data = bytearray()
        while len(data) < count:
            # The time is for the answer, not for each byte of it.
            self._open.settimeout(_left(deadline))
            more = self._open.recv(count - len(data))
            if not more:
                raise EOFError("it closed the connection")
            data += more
        return bytes(data)

    def _drop(self) -> None:
        if self._open is not None:
            with contextlib.suppress(OSError):
                self._open.close()
            self._open = None


class AgentSigner:
    """A ``note.Signer`` whose secret key an agent holds."""

    __slots__ = ("_agent", "_key_id", "_verifier")

    def __init__(self, agent: SshAgent, name: str, public_key: bytes) -> None:
        """Sign as ``name`` with this key of the agent's. It is not asked for before it has to sign.

        Raises:
            MalformedNoteError: the name cannot be a key's.
        """
        self._agent = agent
        self._verifier = Ed25519Verifier(name, public_key)
        self._key_id = self._verifier.key_id

    @property
    def name(self) -> str:
        """The key's name."""
        return self._verifier.name

    @property
    def key_id(self) -> bytes:
        """The id of the public half."""
        return self._key_id

    @property
    def verifier(self) -> Ed25519Verifier:
        """The public half."""
        return self._verifier

    def sign(self, message: bytes) -> bytes:
        """Return the signature, 64 bytes, by this key and no other.

        Raises:
            SignerError: the agent did not make it.
        """
        signature = self._agent.sign(self._verifier.public_key, message)
        if not self._verifier.verify(message, signature):
            raise SignerError(
                "the ssh-agent signed with another key than it was asked to: nothing was signed"
            )
        return signature


def agent_signer(agent: SshAgent, name: str, wanted: str) -> AgentSigner:
    """Return a signer over the agent's key with this fingerprint or comment ("": the only one).

    Raises:
        SignerError: there is none, or more than one; or the name cannot be a key's.
    """
    try:
        return AgentSigner(agent, name, agent.find(wanted).public_key)
    except MalformedNoteError as exc:
        raise SignerError(f"{name!r} cannot be the name of a log's key: {exc}") from exc


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("too slow")
    return left


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _blob(public_key: bytes) -> bytes:
    """An Ed25519 public key as SSH writes it."""
    return _string(TYPE) + _string(public_key)


class _Reader:
    """Takes an answer apart; whatever does not fit is the agent's fault."""

    def __init__(self, data: bytes, path: str) -> None:
        self._data = data
        self._at = 0
        self._path = path

    def _take(self, count: int) -> bytes:
        found = self._data[self._at : self._at + count]
        if len(found) < count:
            raise SignerError(f"the answer of the ssh-agent at {self._path} is cut short")
        self._at += count
        return found

    def number(self) -> int:
        return int.from_bytes(self._take(4), "big")

    def string(self) -> bytes:
        return self._take(self.number())

    def end(self) -> None:
        if self._at != len(self._data):
            raise SignerError(f"the answer of the ssh-agent at {self._path} is too long")
