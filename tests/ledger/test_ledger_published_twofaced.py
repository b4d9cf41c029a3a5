"""A server that shows one log first and another one later."""

from collections import Counter

from stepwarden.ledger.publish import files_between
from stepwarden.ledger.verify_published import verify_published
from tests.ledger.published_logs import ORIGIN, SIGNER, MadeLog, made_log

TRUE = made_log(700)
FALSE = made_log(700, mark=b"false")


class TwoFaced:
    """Serves the files of one log the first time that each is asked for, and those of another one from then on."""

    def __init__(self, first: MadeLog, later: MadeLog) -> None:
        self._first = dict(files_between(first.store, 0, 700))
        self._later = dict(files_between(later.store, 0, 700))
        # The partial tiles are asked for once.
        hashes = (path for path in self._later if ".p/" in path and "entries" not in path)
        self._first.update({path: self._later[path] for path in hashes})
        self._note = first.note(700).encode()
        # This one is asked for once more, to see whether the log was pruned.
        self._asked = Counter({"tile/entries/000": -1})

    def fetch(self, path: str) -> bytes | None:
        if path == "checkpoint":
            return self._note
        self._asked[path] += 1
        return (self._first if self._asked[path] <= 1 else self._later).get(path)


def test_attack_tiles_that_change_once_they_were_checked() -> None:
    """The partial tiles are held against the signed root, and not against whatever else comes with them."""
    report = verify_published(
        TwoFaced(TRUE, FALSE), origin=ORIGIN, verifiers=[SIGNER.verifier], earlier=[], policy=None
    )
    assert [step.title for step in report.steps if not step.ok] == ["the partial tiles"]
