"""API keys: ``sw_<id>_<secret>``, kept as a hash, with scopes.

The secret has 256 random bits, so a plain SHA-256 is enough to keep (there is nothing to guess, and nothing slow on
the way of a decision). Comparison takes the same time whether the id exists or not.

>>> made = make("demo", ("decide",), entropy=lambda n: bytes(range(n)), now=1)
>>> made.token[:12]
'sw_000102030'
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest

import msgspec

from stepwarden.errors import InputError, UnauthenticatedError
from stepwarden.flow.answers import ApiKey, Scope
from stepwarden.ledger.store import LogStore, SideWrite

SPACE = "apikey"
SCOPES: tuple[Scope, ...] = ("decide", "report", "read", "administer", "audit")
ID_BYTES = 6
SECRET_BYTES = 32
_NOBODY = bytes(32)


class StoredKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a key. ``hash`` is SHA-256 of the secret, ``created`` in microseconds."""

    name: str
    hash: bytes
    scopes: tuple[Scope, ...]
    created: int


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new key: the token is shown once and never kept."""

    id: str
    token: str
    side: SideWrite

    def __repr__(self) -> str:
        return f"MadeKey(id={self.id!r})"


def parse_scopes(names: Iterable[str]) -> tuple[Scope, ...]:
    """Raises: InputError: a name that is no scope, or none at all."""
    wanted = {name.strip() for name in names if name.strip()}
    unknown = sorted(wanted.difference(SCOPES))
    if unknown or not wanted:
        raise InputError(
            f"unknown scope {', '.join(unknown) or '(none given)'}; there are {', '.join(SCOPES)}",
            field="scopes",
        )
    return tuple(scope for scope in SCOPES if scope in wanted)


def make(name: str, scopes: tuple[Scope, ...], *, entropy: Callable[[int], bytes], now: int) -> MadeKey:
    """A new key; ``side`` is the row to be committed with the entry that says so."""
    key_id = entropy(ID_BYTES).hex()
    secret = entropy(SECRET_BYTES).hex()
    kept = StoredKey(name=name, hash=sha256(secret.encode()).digest(), scopes=scopes, created=now)
    row = SideWrite(SPACE, key_id.encode(), msgspec.json.encode(kept))
    return MadeKey(key_id, f"sw_{key_id}_{secret}", row)


class ApiKeys:
    """The keys of one log, in memory."""

    def __init__(self, store: LogStore) -> None:
        self._keys: dict[str, tuple[bytes, ApiKey]] = {}
        self._stored: dict[str, StoredKey] = {}
        for key_id, kept in store.side_items(SPACE):
            self.add(key_id.decode(), kept)

    def add(self, key_id: str, kept: bytes) -> None:
        """Take in a row of the side table."""
        stored = msgspec.json.decode(kept, type=StoredKey)
        self._stored[key_id] = stored
        self._keys[key_id] = (stored.hash, ApiKey(id=key_id, scopes=frozenset(stored.scopes)))

    def remove(self, key_id: str) -> None:
        """Forget a key; unknown ids are as good as removed."""
        self._keys.pop(key_id, None)
        self._stored.pop(key_id, None)

    def listing(self) -> list[dict[str, object]]:
        """Id, name, scopes and date (microseconds) of each key, oldest first."""
        kept = sorted(self._stored.items(), key=lambda item: item[1].created)
        return [
            {"id": key_id, "name": key.name, "scopes": list(key.scopes), "created": key.created}
            for key_id, key in kept
        ]

    def __contains__(self, key_id: str) -> bool:
        return key_id in self._keys

    def authenticate(self, token: str) -> ApiKey:
        """The key that ``token`` is.

        Raises:
            UnauthenticatedError: it is none; the message is the same whatever is wrong with it.
        """
        prefix, _, rest = token.partition("_")
        key_id, _, secret = rest.partition("_")
        kept, key = self._keys.get(key_id, (_NOBODY, None))
        same = compare_digest(sha256(secret.encode("utf-8", "replace")).digest(), kept)
        if not same or key is None or prefix != "sw":
            raise UnauthenticatedError("a valid API key is needed: Authorization: Bearer sw_...")
        return key

    def __len__(self) -> int:
        return len(self._keys)
