"""The vault: secrets of factors, sealed, beside the log and never in it.

One side space for each person's token and factor; a row for each credential. Sealed by AES-256-GCM under a key
derived from the master key, bound to space and credential, so that rows cannot be swapped between people.
"""

from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stepwarden.errors import KeyFileError
from stepwarden.flow.people import NONCE_BYTES, derive
from stepwarden.ledger.store import LogStore, SideWrite

NAMES = "name"
"""In place of a factor: what people call their factors, sealed like a secret."""


def space_of(actor: str, factor: str) -> str:
    """The side space of one person's (token) credentials of one factor."""
    return f"factor:{actor}:{factor}"


class Vault:
    """Seals and opens the secrets of factors."""

    def __init__(self, store: LogStore, *, master: bytes, entropy: Callable[[int], bytes]) -> None:
        self._store = store
        self._cipher = AESGCM(derive(master, "stepwarden/factors/v1"))
        self._entropy = entropy

    def put(self, actor: str, factor: str, credential: str, secret: bytes) -> SideWrite:
        """The row that keeps ``secret``, to be committed with the entry ``factor.enrolled``."""
        space = space_of(actor, factor)
        nonce = self._entropy(NONCE_BYTES)
        bound = f"{space}\n{credential}".encode()
        return SideWrite(space, credential.encode(), nonce + self._cipher.encrypt(nonce, secret, bound))

    def drop(self, actor: str, factor: str, credential: str) -> SideWrite:
        """The row that forgets it."""
        return SideWrite(space_of(actor, factor), credential.encode(), None)

    def names(self, actor: str, factor: str) -> list[str]:
        """The ids under which secrets are kept; nothing is opened."""
        return [key.decode() for key, _ in self._store.side_items(space_of(actor, factor))]

    def get(self, actor: str, factor: str) -> list[tuple[str, bytes]]:
        """Credential ids and secrets, in the order of the ids.

        Raises:
            KeyFileError: a row was not sealed for this place by this log's master key.
        """
        space = space_of(actor, factor)
        found = []
        for key, sealed in self._store.side_items(space):
            bound = space.encode() + b"\n" + key
            try:
                secret = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
            except (InvalidTag, ValueError) as exc:
                raise KeyFileError("a factor's secret was not sealed by this log's master key") from exc
            found.append((key.decode(), secret))
        return sorted(found)
