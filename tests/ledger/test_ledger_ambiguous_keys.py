"""Keys that share a name and an id: four bytes of a hash, which whoever makes a key can choose."""

import pytest

from stepwarden.errors import BadSignatureError
from stepwarden.ledger.cosignature import Ed25519CosignatureVerifier, Ed25519Cosigner
from stepwarden.ledger.keyring import RetiredVerifier
from stepwarden.ledger.note import Ed25519Signer, Signature, SignedNote, Verifier, open_note
from stepwarden.ledger.witness_policy import KnownWitness, WitnessPolicy
from tests.ledger.published_logs import SIGNER, made_log

LOG = made_log(300)


def test_a_key_that_is_retired_anywhere_is_retired() -> None:
    """An old file that still lists the key without its limit takes nothing from the new one that has it."""
    plain, retired = SIGNER.verifier, RetiredVerifier(SIGNER.verifier, 299)
    keys: tuple[Verifier, ...]
    for keys in ((plain, retired), (retired, plain)):
        assert open_note(LOG.note(299), keys)
        with pytest.raises(BadSignatureError):
            open_note(LOG.note(300), keys)


class SameId(Ed25519CosignatureVerifier):
    """A witness's key that was made, over some hours, to have the id of the log's key."""

    def __init__(self, cosigner: Ed25519Cosigner, wanted: bytes) -> None:
        super().__init__(cosigner.name, cosigner.verifier.public_key)
        self._key_id = wanted


def test_attack_a_witness_whose_key_has_the_id_of_the_log_s_signs_for_the_log() -> None:
    """What it signs under the log's name is no signature of the log."""
    evil = Ed25519Cosigner.from_seed(SIGNER.name, bytes([5]) * 32)
    witness = KnownWitness(name="w", verifier=SameId(evil, SIGNER.key_id))
    policy = WitnessPolicy(logs=(), witnesses={"w": witness}, groups=(), quorum="w")
    forged = made_log(300, mark=b"forged").claim(300).format()
    line = Signature(
        name=SIGNER.name, key_id=SIGNER.key_id, signature=evil.cosign(forged, 1_700_000_000).signature
    )
    note = SignedNote(text=forged, signatures=(line,)).format()
    for keys in ([SIGNER.verifier], [SIGNER.verifier, Ed25519Signer.from_seed("other", bytes(32)).verifier]):
        with pytest.raises(BadSignatureError):
            policy.open(note, keys)
