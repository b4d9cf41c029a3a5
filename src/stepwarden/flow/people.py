"""People: a random token and a key of their own for each, so that they can be erased from a log that never changes.

For each actor two side rows are written in the same transaction as the first entry that names them:

    subject        BLAKE2b(index key, actor id)  ->  AES-256-GCM(master key, token || person key)
    subject.token  token                         ->  BLAKE2b(index key, actor id)

What the leaf commits to (address, agent, ids) is sealed under the person key, bound by its associated data to the
origin and the index of its entry. Delete the rows and every sealed opening and every token of that person in the
log means nothing any more. Entries that name nobody are sealed under a key for their address: their owner is
``nobody`` there, and can be erased like a person.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from stepwarden.errors import KeyFileError
from stepwarden.events.entries import Entry
from stepwarden.flow.tokens import TOKEN_BYTES, encode_token
from stepwarden.ledger.store import LogStore, SideWrite

NONCE_BYTES = 12
KEY_BYTES = 32
CIPHERS = 2_000
"""People whose cipher is kept at hand."""
NOBODY = "\0"
"""Starts the owner of an entry that names no actor; no actor can begin so (control characters are refused)."""
SUBJECT = "subject"
SUBJECT_TOKEN = "subject.token"  # noqa: S105 - the name of a table space


def derive(master: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose, by HKDF-SHA256 (RFC 5869) from the master key."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(master)


def owner_tokens(entry: Entry) -> tuple[str, str]:
    """The token of the actor whom an entry is about, or empty and that of the address where it names nobody."""
    facts = getattr(entry, "facts", None)
    if facts is not None:
        return facts.actor, "" if facts.actor else facts.address
    actor: str = getattr(entry, "actor", "")
    return actor, ""


@dataclass(frozen=True, slots=True)
class Person:
    """``token`` stands for them in leaves; ``key`` seals their openings."""

    token: str
    key: bytes

    def __repr__(self) -> str:
        return f"Person({self.token})"


def nobody(address: str) -> str:
    """The owner of what comes from the address of this token and names no actor."""
    return NOBODY + address


class People:
    """Finds or makes a person's token and key. New ones come back with the side rows to be written."""

    def __init__(
        self, store: LogStore, *, master: bytes, origin: str, entropy: Callable[[int], bytes], remembered: int
    ) -> None:
        self._store = store
        self._index_key = derive(master, "stepwarden/subject-index/v1")
        self._wrap = AESGCM(derive(master, "stepwarden/subject-wrap/v1"))
        self._origin = origin.encode()
        self._entropy = entropy
        self._remembered = remembered
        self._known: OrderedDict[str, Person] = OrderedDict()
        self._pending: dict[str, tuple[SideWrite, ...]] = {}
        self._leaving: dict[str, str] = {}
        # Making one costs as much as sealing with it, and keeping one three kilobytes: those in use lately are kept.
        self._cipher = lru_cache(CIPHERS)(AESGCM)

    def check(self) -> None:
        """With another master key everybody would be a stranger, in silence: so one row is opened at the start.

        Raises:
            KeyFileError: the master key is not the one that this log was written with.
        """
        for row_key, wrapped in self._store.side_items(SUBJECT):
            self._unwrap(row_key, wrapped)
            return

    def _row_key(self, actor: str) -> bytes:
        return blake2b(actor.encode(), key=self._index_key, digest_size=32).digest()

    def find(self, actor: str) -> Person | None:
        """The person, or None for somebody the log has never named (or has erased)."""
        person = self._known.get(actor)
        if person is None:
            if actor in self._leaving:
                return None
            row_key = self._row_key(actor)
            wrapped = self._store.side(SUBJECT, row_key)
            if wrapped is None:
                return None
            person = self._unwrap(row_key, wrapped)
            self._remember(actor, person)
        return person

    def find_or_make(self, actor: str) -> tuple[Person, tuple[SideWrite, ...]]:
        """The person, and the side rows that must be committed with the entry; none when already known."""
        person = self._known.get(actor) or self.find(actor)
        if person is not None:
            return person, self._pending.get(actor, ())
        fresh = self._entropy(TOKEN_BYTES + KEY_BYTES + NONCE_BYTES)
        token = encode_token(fresh[:TOKEN_BYTES])
        key = fresh[TOKEN_BYTES : TOKEN_BYTES + KEY_BYTES]
        nonce = fresh[TOKEN_BYTES + KEY_BYTES :]
        row_key = self._row_key(actor)
        wrapped = nonce + self._wrap.encrypt(nonce, token.encode() + key, row_key)
        person = Person(token, key)
        rows = (SideWrite(SUBJECT, row_key, wrapped), SideWrite(SUBJECT_TOKEN, token.encode(), row_key))
        self._remember(actor, person)
        self._pending[actor] = rows
        return person, rows

    def submitted(self, actor: str) -> None:
        """The rows of this person are on their way to disk, ahead of every later entry: no need to repeat them."""
        self._pending.pop(actor, None)

    def erase(self, actor: str) -> tuple[SideWrite, ...]:
        """Forget the person at once; the rows that end them, to be committed with the entry ``subject.erased``.

        Whoever comes by this id from now on is a stranger with a new token and a new key. ``erased`` is to be called
        once that entry is durable: until then the store still shows the old rows, and they are not looked at.
        """
        person = self.find(actor)
        self._known.pop(actor, None)
        self._pending.pop(actor, None)
        self._cipher.cache_clear()
        if person is None:
            return ()
        self._leaving[actor] = person.token
        return (
            SideWrite(SUBJECT, self._row_key(actor), None),
            SideWrite(SUBJECT_TOKEN, person.token.encode(), None),
        )

    def erased(self, actor: str) -> None:
        """The rows are gone from the store."""
        self._leaving.pop(actor, None)

    def by_token(self, token: str) -> Person | None:
        """The person behind a token of a leaf; None once they are erased."""
        if token in self._leaving.values():
            return None
        row_key = self._store.side(SUBJECT_TOKEN, token.encode())
        wrapped = self._store.side(SUBJECT, row_key) if row_key else None
        return self._unwrap(row_key, wrapped) if row_key and wrapped else None

    def owner(self, entry: Entry) -> Person | None:
        """Under whose key an entry's personal fields are sealed; None once they are erased."""
        actor, address = owner_tokens(entry)
        return self.by_token(actor) if actor else self.find(nobody(address))

    def seal(self, person: Person, index: int, opening: bytes) -> bytes:
        """Encrypt an opening for the entry at ``index``; empty stays empty."""
        if not opening:
            return b""
        nonce = self._entropy(NONCE_BYTES)
        return nonce + self._cipher(person.key).encrypt(nonce, opening, self._bound_to(index))

    def unseal(self, person: Person, index: int, sealed: bytes) -> bytes:
        """Raises: KeyFileError: the opening was not sealed by this person's key for this entry."""
        try:
            return self._cipher(person.key).decrypt(
                sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self._bound_to(index)
            )
        except (InvalidTag, ValueError) as exc:
            raise KeyFileError(f"the opening beside entry {index} does not belong to it") from exc

    def _bound_to(self, index: int) -> bytes:
        return b"%s\n%d" % (self._origin, index)

    def _unwrap(self, row_key: bytes, wrapped: bytes) -> Person:
        try:
            plain = self._wrap.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], row_key)
        except (InvalidTag, ValueError) as exc:
            raise KeyFileError(
                "a person's key cannot be unwrapped: the master key is not the one this log was written with; "
                "restore keys/master.key from its backup"
            ) from exc
        return Person(plain[:-KEY_BYTES].decode(), plain[-KEY_BYTES:])

    def _remember(self, actor: str, person: Person) -> None:
        if len(self._known) >= self._remembered:
            oldest, kept = self._known.popitem(last=False)
            if oldest in self._pending:  # its rows are not on disk yet: it must stay
                self._known[oldest] = kept
        self._known[actor] = person
