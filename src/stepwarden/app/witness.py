"""A witness: its keys, its memory, its server. Needs no Stepwarden log and knows none of our entries.

    data directory
    ├── keys/witness-mldsa.key   ML-DSA-44 (mode 0600); holds the witness's name too
    ├── keys/witness.key         Ed25519: 32 bytes in hex (mode 0600)
    ├── keys/witness.vkey        both public halves: give them to whoever relies on this witness
    └── witness.db               the logs it follows, and the newest checkpoint signed for each

What is missing is made at the first start. A memory whose keys are gone, or keys whose memory is gone, are not
completed: a witness that forgot what it signed would sign another past. ``open_witness`` says what to do.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from stepwarden.errors import KeyFileError, SettingsError
from stepwarden.gateway.server import Server, listen
from stepwarden.gateway.witness import WitnessSite
from stepwarden.ledger.cosignature import SEED_SIZE, Cosigner, Ed25519Cosigner, MlDsaCosigner
from stepwarden.ledger.keys import read_cosigner, read_secret, write_cosigner, write_secret, write_verifiers
from stepwarden.ledger.note import Verifier, is_clean
from stepwarden.ledger.vkey import parse_vkey
from stepwarden.ledger.witness import Witness
from stepwarden.storage.sqlite.witness import SqliteWitnessStore

GRACE = 10
CONNECTIONS = 1_000
BODY_TIMEOUT = 10.0
LOOK = 0.25
"""Seconds between two looks at whether the memory can still be written."""
MAX_ORIGIN = 255
"""Bytes of an origin that ML-DSA can cosign."""


@dataclass(slots=True)
class OpenWitness:
    """An open witness. ``close`` ends it."""

    cosigners: tuple[Cosigner, ...]
    store: SqliteWitnessStore
    witness: Witness

    @property
    def vkeys(self) -> list[str]:
        """The public keys, as texts for a policy file: Ed25519, then ML-DSA-44."""
        return [cosigner.verifier.format() for cosigner in self.cosigners]

    def follow(self, vkey: str, origin: str = "") -> bool:
        """Follow the log that signs with this key; False if it is followed already.

        Args:
            origin: the first line of its checkpoints; "" where that is the key's name, as it should be.

        Raises:
            MalformedNoteError: it is no public key.
            SettingsError: no checkpoint could be of this origin, or none could be cosigned.
        """
        key = parse_vkey(vkey.strip())
        origin = origin or key.name
        if "\n" in origin or not is_clean(origin) or len(origin.encode()) > MAX_ORIGIN:
            raise SettingsError(
                f"an origin is one line of at most {MAX_ORIGIN} bytes without control characters"
            )
        return self.store.follow(origin, key.format())

    def unfollow(self, vkey: str) -> bool:
        """Believe this key no more, as after its log retired it; False if it was not followed.

        Raises:
            MalformedNoteError: it is no public key.
        """
        return self.store.unfollow(parse_vkey(vkey.strip()).format())

    def close(self) -> None:
        self.store.close()


def open_witness(
    data: Path, *, name: str = "", clock: Callable[[], int] = lambda: int(time.time())
) -> OpenWitness:
    """Open a witness's directory; make it if it is empty.

    Args:
        name: that of a new witness, a URL without scheme; "" for a random one. One that exists keeps its own.
        clock: seconds since 1970 UTC.

    Raises:
        KeyFileError: a key or the memory is missing, or a key file is open to others.
        SettingsError: the directory cannot be made, or the witness has another name.
        StorageError: from the memory.
    """
    keys, memory = data / "keys", data / "witness.db"
    try:
        for folder in (data, keys):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise SettingsError(f"the data directory {data} cannot be made: {exc.strerror}") from exc
    cosigners = _keys(keys, memory, name)
    store = SqliteWitnessStore.open(memory)

    def keys_of(origin: str) -> Collection[Verifier]:
        return [parse_vkey(text) for text in store.keys(origin)]

    return OpenWitness(cosigners, store, Witness(store, cosigners, keys_of, clock))


def _keys(folder: Path, memory: Path, name: str) -> tuple[Cosigner, ...]:
    """Read the keys, or make them for a witness that has not begun."""
    named, plain, public = (folder / file for file in ("witness-mldsa.key", "witness.key", "witness.vkey"))
    # Keys come first and the memory last, so whatever a start that was cut short left can be gone on from; but a
    # memory without keys, or public keys (written last of the three) without a memory, had more once.
    lost = [str(path) for path in (named, plain) if not path.exists()]
    if memory.exists() and lost:
        raise KeyFileError(
            f"{memory} is there and {' and '.join(lost)} not: restore the key from its backup. Under a new key this "
            "is a new witness: give it a new directory"
        )
    if public.exists() and not memory.exists():
        raise KeyFileError(
            f"the keys in {folder} have signed, and {memory} is gone: restore it from its newest copy. Without it "
            "this witness would sign another past; if no copy is left, make a new witness in a new directory"
        )
    if not named.exists():
        write_cosigner(
            named,
            MlDsaCosigner.from_seed(
                name or f"stepwarden.local/witness-{os.urandom(6).hex()}", os.urandom(SEED_SIZE)
            ),
        )
    second = read_cosigner(named)
    if name and name != second.name:
        raise SettingsError(f"this witness is {second.name!r}, not {name!r}: a witness keeps its name")
    if not plain.exists():
        write_secret(plain, os.urandom(SEED_SIZE))
    first = Ed25519Cosigner.from_seed(second.name, read_secret(plain, SEED_SIZE))
    if not public.exists():
        SqliteWitnessStore.open(memory).close()
        write_verifiers(public, [parse_vkey(one.verifier.format()) for one in (first, second)])
    return first, second


async def serve_witness(
    opened: OpenWitness, host: str, port: int, started: Callable[[str, int], None], *, grace: float = GRACE
) -> None:
    """Serve until asked to stop (SIGINT, SIGTERM). ``started`` is told host and port once requests are taken.

    Raises:
        StorageError: the memory cannot be written any more: nothing is signed until it is started again.
        SettingsError: the address cannot be bound.
    """
    site = WitnessSite(opened.witness, failed=lambda: opened.store.failed, body_timeout=BODY_TIMEOUT)
    sock = listen(host, port)
    at, number = sock.getsockname()[:2]
    server = Server(site, sock, grace=grace, connections=CONNECTIONS, listening=lambda: started(at, number))
    watch = asyncio.create_task(_stop_when_failed(opened.store, server))
    try:
        await server.serve()
    finally:
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch
    if opened.store.failed is not None:
        raise opened.store.failed


async def _stop_when_failed(store: SqliteWitnessStore, server: Server) -> None:
    while store.failed is None:  # noqa: ASYNC110 - the threads that write set no event of ours
        await asyncio.sleep(LOOK)
    server.stop()
