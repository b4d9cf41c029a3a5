"""An erasure that is refused has not happened; one that is killed in the middle is finished by the next start."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stepwarden.app.node import Node
from stepwarden.errors import InputError, StepwardenError
from stepwarden.events.encoding import decode
from stepwarden.events.entries import Administration, SubjectErased
from stepwarden.flow.answers import EntryQuery
from stepwarden.flow.recorder import Recorder
from tests.flow.flow_house import House
from tests.flow.subjects_house import AGENT, ANNA, WHY, by_anna, holds, present


@pytest.mark.parametrize("reason", ["", "  ", "for anna-q7Zx", "ANNA-Q7ZX asked", "x" * 201, "a\nb"])
def test_attack_a_reason_that_would_keep_the_name(house: House, reason: str) -> None:
    """What stays for good must not name whom it erased."""

    async def refuse(node: Node) -> None:
        await node.service.decide(by_anna(), by="t")
        with pytest.raises(InputError):
            await node.service.subjects.erase(ANNA, "", reason=reason, by="t")
        assert node.recorder.people.find(ANNA) is not None

    house.live(refuse)


def test_a_full_queue_erases_nothing(house: House) -> None:
    """What cannot be recorded has not happened: the person is still there and their values can be read."""

    async def full(node: Node) -> None:
        await node.service.decide(by_anna(), by="t")
        plain = Recorder.append
        calls = 0

        def refuse(self: Recorder, entry: Any, *args: Any, **more: Any) -> Any:
            nonlocal calls
            if isinstance(entry, SubjectErased):
                calls += 1
                raise StepwardenError("no room")
            return plain(self, entry, *args, **more)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Recorder, "append", refuse)
            with pytest.raises(StepwardenError, match="no room"):
                await node.service.subjects.erase(ANNA, "", reason=WHY, by="t")
        assert calls == 1
        page = await node.service.entries(EntryQuery(actor=ANNA), by="t")
        assert page.entries[0].personal

    house.live(full)


STEPS = ["erased", "openings", "forgotten", "scrubbed"]
KILLED = """
import os, sys
from pathlib import Path
from tests.flow.flow_house import House
from tests.flow.subjects_house import ANNA, WHY, secrets_of, some_life
from tests.flow.test_flow_subjects_interrupted import STEPS

def live_and_die(folder, step):
    async def die(node):
        await some_life(node)
        needles = [needle.hex() for needle in secrets_of(node, ANNA)]
        folder.joinpath(step + ".needles").write_text(" ".join(needles))
        def killer(*_):
            os._exit(9)
        def after(plain):
            def done(*args):
                plain(*args)
                os._exit(9)
            return done
        store, index = node.store, node.index
        if step == "erased":
            store.erase_openings = killer
        elif step == "openings":
            store.erase_openings = after(store.erase_openings)
        elif step == "forgotten":
            index.forget = after(index.forget)
        else:
            store.scrub = after(store.scrub)
        await node.service.subjects.erase(ANNA, "", reason=WHY, by="t")
    House(folder / step).live(die)

children = {}
for step in STEPS:  # nothing runs yet but this thread: a fork is the whole process
    child = os.fork()
    if not child:
        live_and_die(Path(sys.argv[1]), step)
    children[child] = step
sys.exit(sum(os.waitstatus_to_exitcode(os.wait()[1]) != 9 for _ in children))
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, list[bytes]]]:
    """A log for each step, whose process was killed right after it. They run beside each other."""
    root = Path(__file__).resolve().parents[2]
    folder = tmp_path_factory.mktemp("killed")
    done = subprocess.run([sys.executable, "-c", KILLED, folder], cwd=root, timeout=120, check=False)
    assert done.returncode == 0
    return {
        step: (
            folder / step,
            [bytes.fromhex(word) for word in (folder / f"{step}.needles").read_text().split()],
        )
        for step in STEPS
    }


@pytest.mark.parametrize("step", STEPS)
def test_killed_in_the_middle_of_an_erasure_the_next_start_finishes_it(
    killed: dict[str, tuple[Path, list[bytes]]], step: str
) -> None:
    """After the entry, after the openings, after the index, after the scrubbing: the end is the same."""
    data, needles = killed[step]
    house = House(data)
    if step == "erased":
        assert present(data, needles), "the kill came too late to show anything"

    async def look(node: Node) -> None:
        assert list(node.store.side_items("erasure")) == []
        assert present(data, needles) == []

    house.live(look)
    assert present(data, [*needles, ANNA.encode(), AGENT.encode()]) == []
    done = [
        e
        for e in map(decode, house.leaves())
        if isinstance(e, Administration) and e.action == "subject.erase.done"
    ]
    assert [(entry.by, entry.previous >= 0) for entry in done] == [("service", True)]
    holds(house)
