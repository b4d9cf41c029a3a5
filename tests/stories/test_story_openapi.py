"""A stranger reads ``/openapi.json`` and tries everything in it: Schemathesis against the running service."""

import re
import subprocess
import sys
from pathlib import Path

from tests.stories.running import PATIENCE, Server, check_log, surroundings

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
EXAMPLES = 5
"""Random requests for each operation, besides the examples and the edge cases of every schema."""


def test_the_published_document_is_what_the_service_does(tmp_path: Path) -> None:
    """No server error, no undocumented answer, nothing bad accepted; and the log that it left verifies and replays."""
    with Server(tmp_path / "data", STEPWARDEN_ADDRESSES_BUILTIN="false") as server:
        key = server.make_key()
        tried = subprocess.run(
            [
                SCHEMATHESIS, "run", f"{server.url}/openapi.json", "--header", f"Authorization: Bearer {key}",
                "--checks", "all",
                # What a schema cannot say (a size that the log has not reached) is refused all the same.
                "--exclude-checks", "positive_data_acceptance",
                # It cannot write NDJSON; the stories about bad input send events.
                "--exclude-path", "/v1/events",
                "--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES),
                "--generation-deterministic", "--continue-on-failure", "--no-color", "--warnings", "off",
            ],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=surroundings(),
            timeout=2 * PATIENCE,
            check=False,
        )  # fmt: skip
        assert tried.returncode == 0, tried.stdout[-6_000:] + tried.stderr
        [(selected, total)] = re.findall(r"Selected: (\d+)/(\d+)", tried.stdout)
        assert int(selected) == int(total) - 1 > 20  # all but the events
        assert re.findall(r"Tested: (\d+)", tried.stdout) == [selected]
        check_log(server.data)
        assert "Traceback" not in server.said()
        assert server.stop() == 0
