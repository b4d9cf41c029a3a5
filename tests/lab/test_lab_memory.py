"""Replay in constant memory: four times the log, the same peak."""

import subprocess
import sys
from pathlib import Path

import pytest

ATTEMPTS = 15_000
ROOM_KB = 6_000
"""What four times as many attempts may take more; held in memory they would take some 30,000."""

SCRIPT = """
import resource, sys
from collections import Counter
from pathlib import Path
from stepwarden.lab.logs import Logs
from stepwarden.lab.ordering import in_order
from tests.lab.lab_house import new_replay, summarise
from stepwarden.lab.summary import Summary

summary = Summary(policy="")
logs = Logs.open([Path(sys.argv[1])], format="", mapping=None, year=None)
for one in new_replay().results(in_order(logs.attempts(summary, lambda: None), chunk=1_000, dropped=summary.skipped)):
    summary.add(one)
print(summary.attempts, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_kb(path: Path) -> tuple[int, int]:
    """Attempts replayed, and the most memory that the process ever had."""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
        timeout=120,
    )
    attempts, peak = done.stdout.split()
    return int(attempts), int(peak)


def write_log(path: Path, attempts: int) -> Path:
    """A shuffled log of our own JSON lines, over as many days as it needs: 200 attempts an hour."""
    with path.open("w") as file:
        for number in range(attempts):
            second = (number * 7_919) % attempts * 18
            hour, minute = second // 3600, second // 60 % 60
            file.write(
                f'{{"action":"login","time":"2026-01-{1 + hour // 24 % 28:02d}T{hour % 24:02d}:{minute:02d}:00Z",'
                f'"actor":"user{number % 300}","ip":"192.0.2.{number % 250}","resource":"{number % 50:040d}",'
                f'"outcome":"{"failure" if number % 9 == 0 else "success"}"}}\n'
            )
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux alone")
def test_four_times_the_log_takes_no_more_memory(tmp_path: Path) -> None:
    """Chunks, temporary files, bounded state: the peak does not follow the length of the log."""
    few, peak = peak_kb(write_log(tmp_path / "few.jsonl", ATTEMPTS))
    many, higher = peak_kb(write_log(tmp_path / "many.jsonl", 4 * ATTEMPTS))
    assert (few, many) == (ATTEMPTS, 4 * ATTEMPTS)
    assert higher - peak < ROOM_KB, f"{peak} kB for {few} attempts, {higher} kB for {many}"
