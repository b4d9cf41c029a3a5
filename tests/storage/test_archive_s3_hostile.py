"""An object store that means no good, behind the calls that we make."""

from typing import Any, cast

import pytest

from stepwarden.errors import ArchiveError
from stepwarden.storage.archive.s3 import Location, S3Archive
from stepwarden.storage.archive.s3_calls import Calls


@pytest.mark.parametrize(
    "page",
    [
        {"IsTruncated": True},
        {"IsTruncated": True, "NextKeyMarker": "again"},
        {"IsTruncated": True, "NextKeyMarker": "again", "NextVersionIdMarker": "too"},
    ],
)
def test_attack_a_store_lists_its_files_without_end(page: dict[str, Any]) -> None:
    """The same page again, or no place to go on from: an error instead of a loop."""
    asked = 0

    def calls(operation: str, key: str, **arguments: object) -> dict[str, Any]:
        nonlocal asked
        asked += 1
        assert asked < 10, "it goes on for ever"
        return page

    location = Location.parse("s3://bucket/log")
    archive = S3Archive(cast(Calls, calls), location, retain=None, clock=lambda: 0.0)
    with pytest.raises(ArchiveError, match="without end"):
        list(archive.names("checkpoints/"))
    archive.close()
