"""The crash matrix: every write of the ledger x {fails, fails but persisted, killed} x {retry, restart}.

After each, everything is verified from the bytes up (``scenes``); then the work is done again, to its end, and verified
again. ``make test`` takes some writes of each scene, ``make soak`` every one.
"""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from stepwarden.errors import StepwardenError
from tests.crash.faults import counted, photograph
from tests.crash.scenes import SCENES, Scene

SAMPLED = 4
"""Writes of a scene in ``make test``: the first ones, the last ones and some between."""

HOWS = ("failed", "failed but persisted", "killed")


class Rehearsal:
    """A scene, prepared once and copied for each run."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.scene = scene
        self._folder = folder
        self._runs = 0
        scene.prepare(self.fresh(prepared=False))
        self._start = self._folder / "1"
        with counted() as faults:
            scene.run(self.fresh(), lambda said: None)
        self.writes = faults.count

    def fresh(self, *, prepared: bool = True) -> Path:
        self._runs += 1
        copy = self._folder / str(self._runs)
        if prepared:
            shutil.copytree(self._start, copy)
        else:
            copy.mkdir()
        return copy

    def finish(self, folder: Path, acknowledged: list[str]) -> None:
        """What happened is verified; the work is done again; that is verified too."""
        self.scene.check(folder, acknowledged)
        self.scene.run(folder, acknowledged.append)
        self.scene.check(folder, acknowledged)


@pytest.fixture(params=SCENES.values(), ids=lambda scene: scene.name.replace(" ", "-"))
def rehearsal(request: pytest.FixtureRequest, tmp_path: Path) -> Rehearsal:
    return Rehearsal(request.param, tmp_path)


def places(writes: int, *, every: bool) -> Iterator[int]:
    """Which writes fail."""
    step = 1 if every else max(writes // SAMPLED, 1)
    yield from range(1, writes + 1, step)


def interrupt(
    rehearsal: Rehearsal, how: str, number: int, folder: Path, before: list[str]
) -> tuple[Path, list[str]]:
    """Do the work with a fault at one write; the folder that is left, and all that was acknowledged."""
    acknowledged = [*before]
    killed: list[tuple[Path, list[str]]] = []
    with counted() as faults:

        def kill(at: int) -> bool:
            if how == "killed" and at == number:
                copy = folder.with_name(f"{folder.name}-killed")
                photograph(folder, copy)
                killed.append((copy, [*acknowledged]))
            return how == "failed" and at == number

        faults.before = kill
        faults.after = lambda at: how == "failed but persisted" and at == number
        with suppress(StepwardenError):
            rehearsal.scene.run(folder, acknowledged.append)
    return killed[0] if killed else (folder, acknowledged)


def run_matrix(rehearsal: Rehearsal, how: str, *, every: bool) -> None:
    for number in places(rehearsal.writes, every=every):
        for tries in (1, 2):
            folder, acknowledged = rehearsal.fresh(), list[str]()
            for _ in range(tries):
                folder, acknowledged = interrupt(rehearsal, how, number, folder, acknowledged)
            try:
                rehearsal.finish(folder, acknowledged)
            except BaseException as exc:
                exc.add_note(f"{rehearsal.scene.name}: {how} at {number}, {tries} time(s), in {folder}")
                raise
            shutil.rmtree(folder)


@pytest.mark.parametrize("how", HOWS)
def test_a_fault_at_some_writes_hurts_nothing(rehearsal: Rehearsal, how: str) -> None:
    """All is verified after the fault, and again after the work was done again: at once, and after a restart."""
    run_matrix(rehearsal, how, every=False)


@pytest.mark.soak
@pytest.mark.parametrize("how", HOWS)
def test_a_fault_at_any_write_hurts_nothing(rehearsal: Rehearsal, how: str) -> None:
    """The same at every single one."""
    run_matrix(rehearsal, how, every=True)
