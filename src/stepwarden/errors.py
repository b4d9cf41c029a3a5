"""The errors of the world, each with a public, stable code.

A ``ValueError`` is a mistake of ours; a ``StepwardenError`` is the world's: bad input, a full disk, a broken
log. ``code`` is part of the API: it appears in problem documents (RFC 9457) and in exception entries, and
never changes. ``public`` says whether the message may be shown to a caller who is not trusted; where it is
false only the code is.

    StepwardenError
    ├── InputError                  input.invalid
    │   ├── MalformedBodyError      input.malformed
    │   ├── TooLargeError           input.too_large
    │   ├── MediaTypeError          input.media_type
    │   ├── TooSlowError            input.too_slow
    │   ├── UnknownFormatError      input.unknown_format
    │   └── MalformedEntryError     entry.malformed
    ├── RefusedError                request.refused
    │   ├── UnauthenticatedError    auth.missing
    │   ├── ForbiddenError          auth.forbidden
    │   ├── NotFoundError           request.not_found
    │   ├── ConflictError           request.conflict
    │   └── BusyError               service.busy
    ├── ChallengeError              challenge.refused
    │   ├── ChallengeNotReadyError  challenge.not_ready
    │   ├── ChallengeClosedError    challenge.closed
    │   ├── FactorLockedError       factor.locked
    │   └── NotWitnessedError       challenge.not_witnessed
    ├── PolicyError                 policy.invalid
    │   └── UnknownPolicyError      policy.unknown
    ├── LedgerError                 ledger.error
    │   ├── MalformedNoteError      ledger.malformed_note
    │   ├── BadSignatureError       ledger.bad_signature
    │   ├── BadProofError           ledger.bad_proof
    │   ├── CorruptLogError         ledger.corrupt
    │   ├── RollbackError           ledger.rolled_back
    │   ├── PrunedError             ledger.pruned
    │   ├── WitnessError            ledger.witness
    │   ├── AnchorError             ledger.anchor
    │   └── DecisionDiffersError    ledger.decision_differs
    ├── StorageError                storage.error
    │   ├── StorageLockedError      storage.locked
    │   ├── StorageFullError        storage.full
    │   ├── StorageCorruptError     storage.corrupt
    │   ├── StorageTooOldError      storage.too_old
    │   └── FencedError             storage.fenced
    ├── ArchiveError                archive.error
    │   └── ArchiveForkError        archive.fork
    ├── SignerError                 signer.failed
    ├── KeyFileError                key.unreadable
    ├── SettingsError               settings.invalid
    ├── CourierError                courier.failed
    ├── ProviderError               provider.refused
    └── LookupDataError             lookup.data
"""

from typing import ClassVar


class StepwardenError(Exception):
    """Anything that the world did to us. The message says what happened and, where it can, what to do."""

    code: ClassVar[str] = "stepwarden.error"
    public: ClassVar[bool] = False


class InputError(StepwardenError):
    """What came in is not what was asked for; ``field`` names the part (a JSON path, a column, a line)."""

    code = "input.invalid"
    public = True

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class MalformedBodyError(InputError):
    """Not one JSON text: bad syntax or UTF-8, something after its end, a key twice in one object."""

    code = "input.malformed"


class TooLargeError(InputError):
    """More bytes, or more items, than are taken at once."""

    code = "input.too_large"


class MediaTypeError(InputError):
    """A content type or content encoding that this operation does not read."""

    code = "input.media_type"


class TooSlowError(InputError):
    """The rest of the input did not come in time."""

    code = "input.too_slow"


class UnknownFormatError(InputError):
    """No importer recognises this file."""

    code = "input.unknown_format"


class MalformedEntryError(InputError):
    """Bytes in the log are no entry that this version knows."""

    code = "entry.malformed"


class RefusedError(StepwardenError):
    """The request is understood and not granted."""

    code = "request.refused"
    public = True


class UnauthenticatedError(RefusedError):
    """No API key, or one that is not known."""

    code = "auth.missing"


class ForbiddenError(RefusedError):
    """The key is known, and lacks the scope."""

    code = "auth.forbidden"


class NotFoundError(RefusedError):
    """There is no such thing, or it is not for this caller: the two look the same."""

    code = "request.not_found"


class ConflictError(RefusedError):
    """The same idempotency key with another body, or an outcome reported twice."""

    code = "request.conflict"


class BusyError(RefusedError):
    """The queue is full. Nothing was allowed or recorded: ask again after ``retry_after`` seconds."""

    code = "service.busy"

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ChallengeError(StepwardenError):
    """A challenge was not passed. Never says which part of an answer was wrong."""

    code = "challenge.refused"
    public = True


class ChallengeNotReadyError(ChallengeError):
    """The first factor of this attempt has not been reported as proved yet."""

    code = "challenge.not_ready"


class ChallengeClosedError(ChallengeError):
    """Passed, failed or expired already: a challenge ends once."""

    code = "challenge.closed"


class FactorLockedError(ChallengeError):
    """Too many wrong answers for this account and factor."""

    code = "factor.locked"


class NotWitnessedError(ChallengeError):
    """The answer was right, and too few witnesses signed in time: nothing was granted. Ask again."""

    code = "challenge.not_witnessed"


class PolicyError(StepwardenError):
    """A policy that cannot be used; ``line`` and ``column`` are 1-based, 0 where unknown."""

    code = "policy.invalid"
    public = True

    def __init__(self, message: str, *, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class UnknownPolicyError(PolicyError):
    """An entry names a policy hash whose text the log does not hold."""

    code = "policy.unknown"


class LedgerError(StepwardenError):
    """The log is not what it claims to be, or cannot go on."""

    code = "ledger.error"


class MalformedNoteError(LedgerError):
    """Not a signed note, checkpoint, key or proof in its one canonical spelling."""

    code = "ledger.malformed_note"


class BadSignatureError(LedgerError):
    """A known key's signature does not verify, or no known key signed."""

    code = "ledger.bad_signature"


class BadProofError(LedgerError):
    """An inclusion or consistency proof does not lead to the root."""

    code = "ledger.bad_proof"


class CorruptLogError(LedgerError):
    """Stored entries, tiles or head disagree with each other."""

    code = "ledger.corrupt"


class RollbackError(LedgerError):
    """Something outside knows a longer or another log than this one."""

    code = "ledger.rolled_back"


class PrunedError(LedgerError):
    """What was asked for lies before the log's floor: it is in the sealed archive, not here any more."""

    code = "ledger.pruned"


class WitnessError(LedgerError):
    """A witness did not sign: out of reach, refused, or it knows another log; ``size`` is what it has seen."""

    code = "ledger.witness"

    def __init__(self, message: str, *, size: int = -1) -> None:
        super().__init__(message)
        self.size = size


class AnchorError(LedgerError):
    """A time stamp could not be had, or does not verify."""

    code = "ledger.anchor"


class DecisionDiffersError(LedgerError):
    """A recorded decision is not the one that the log before it leads to."""

    code = "ledger.decision_differs"


class StorageError(StepwardenError):
    """The store failed; the writer stops and reloads, it never retries in place."""

    code = "storage.error"


class StorageLockedError(StorageError):
    """Another process holds this log."""

    code = "storage.locked"


class StorageFullError(StorageError):
    """No space left on the device."""

    code = "storage.full"


class StorageCorruptError(StorageError):
    """The database file is damaged."""

    code = "storage.corrupt"


class StorageTooOldError(StorageError):
    """The SQLite library, or the database's schema, is one that must not be used."""

    code = "storage.too_old"


class FencedError(StorageError):
    """Another writer took over: this one must stop."""

    code = "storage.fenced"


class ArchiveError(StepwardenError):
    """The archive (a directory or an object store) cannot be read or written, or is not locked as it should be."""

    code = "archive.error"


class ArchiveForkError(ArchiveError):
    """The archive holds another log's files, or a longer or other past of this one: nothing was overwritten."""

    code = "archive.fork"


class SignerError(StepwardenError):
    """A signing key outside this process did not sign: the agent is gone, locked, or lacks the key."""

    code = "signer.failed"


class KeyFileError(StepwardenError):
    """A key file is missing, unreadable, malformed or open to others."""

    code = "key.unreadable"


class SettingsError(StepwardenError):
    """A setting is unknown or has a value that cannot be used."""

    code = "settings.invalid"


class CourierError(StepwardenError):
    """A code, a push or a notice was not accepted for delivery; the message never holds what was to be delivered."""

    code = "courier.failed"


class ProviderError(StepwardenError):
    """A step-up at an OpenID provider came to nothing; the message says why, in none of the provider's words."""

    code = "provider.refused"


class LookupDataError(StepwardenError):
    """A geographic or network data file cannot be read."""

    code = "lookup.data"


def error_of(code: str, message: str) -> StepwardenError:
    """The error that another process of ours told by its code; an unknown code stays in the message."""
    kinds = [StepwardenError]
    for kind in kinds:
        if kind.code == code:
            return kind(message)
        kinds += [one for one in kind.__subclasses__() if one.__module__ == __name__]
    return StepwardenError(f"{message} ({code})")
