"""``stepwarden lab gate``: is a candidate policy worse than the live one? For a continuous build: exit 1 if it is.

Exit codes: 0 as good or better; 1 worse, or something could not be read; 2 the command is not understood.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console

from stepwarden.app.prepare import read_policy
from stepwarden.cli.lab_simulate import START, offline
from stepwarden.cli.options import Bars
from stepwarden.errors import SettingsError
from stepwarden.policy.default import default_text
from stepwarden.policy.loader import load

if TYPE_CHECKING:
    from stepwarden.lab.accuracy.gate import Difference

SHIPPED = "default"
Numbers = tuple[int, int, int, str]
"""Seed, people, days, and the names of attackers."""


def gate(
    directories: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[DIR_LIVE DIR_CANDIDATE]", help="Results of two simulations that there are already."
        ),
    ] = None,
    candidate: Annotated[Path | None, typer.Option(metavar="FILE", help="The policy to be judged.")] = None,
    live: Annotated[str, typer.Option(metavar="FILE|default", help="The policy to compare with.")] = SHIPPED,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulated people and attacks.")] = 1,
    people: Annotated[int, typer.Option(min=10, max=1_000_000, help="How many people.")] = 1_000,
    days: Annotated[int, typer.Option(min=2, max=3_650, help="How long they live.")] = 90,
    attacks: Annotated[str, typer.Option(help="Attackers: all, none, or names with commas between.")] = "all",
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep both simulations, in DIR/live and DIR/candidate.")
    ] = None,
    detection_margin: Annotated[
        float, typer.Option(min=0, max=1, help="Share of takeovers that may go undetected more than now.")
    ] = 0.0,
    challenge_margin: Annotated[
        float, typer.Option(min=0, max=1, help="Share of sign-ins that may be challenged more than now.")
    ] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Fail when a candidate policy is worse than the live one, beyond the interval, on the same people and attacks.

    Compares what each stops of takeovers by class, which attackers get in, and whom each challenges. A simulation of
    1,000 people over 90 days takes about half a minute for each policy.
    """
    found = directories or []
    if (len(found) == 2) == (candidate is not None) or len(found) not in (0, 2):
        raise typer.BadParameter("name either two directories of results, or a policy by --candidate")
    try:
        from stepwarden.cli.lab_shown import show_differences
        from stepwarden.lab.accuracy.gate import Margins, compare, worse
        from stepwarden.lab.accuracy.results import read
    except ImportError as exc:
        raise SettingsError("the lab needs the extra `lab`: pip install 'stepwarden[lab]'") from exc
    margins = Margins(detection_margin, challenge_margin)
    if candidate is None:
        differences = compare(read(found[0]), read(found[1]), margins)
    else:
        before = default_text() if live == SHIPPED else read_policy(Path(live))
        with simulated(before, read_policy(candidate), (seed, people, days, attacks), keep) as (one, two):
            differences = compare(read(one), read(two), margins)
    failed = worse(differences)
    if as_json:
        sys.stdout.write(_json(differences, bool(failed)))
    else:
        show_differences(Console(highlight=False), differences)
    if failed:
        raise typer.Exit(1)


def _json(differences: "list[Difference]", failed: bool) -> str:
    found = {"worse": failed, "differences": differences}
    return msgspec.json.format(msgspec.json.encode(found)).decode() + "\n"


@contextmanager
def simulated(
    live: str, candidate: str, numbers: Numbers, keep: Path | None = None
) -> Iterator[tuple[Path, Path]]:
    """The directories of two simulations that are made now, by the texts of two policies; gone afterwards, unless
    they are kept."""
    for text in (live, candidate):
        load(text)  # both, before either is simulated for a minute
    with tempfile.TemporaryDirectory(prefix="stepwarden-gate-") as name:
        parent = keep or Path(name)
        for which, text in (("live", live), ("candidate", candidate)):
            _simulate(parent / which, text, which, numbers)
        yield parent / "live", parent / "candidate"


def _simulate(out: Path, policy: str, which: str, numbers: Numbers) -> None:
    from stepwarden.lab.simulate import run

    seed, people, days, attacks = numbers
    asked = run.Asked(
        seed=seed,
        people=people,
        days=days,
        start=run.start_of(START),
        attacks=run.attacks_of(attacks, live=False),
        probes=True,
    )
    with Bars() as bars:
        offline(
            run.Plan(asked),
            load(policy),
            out,
            signals=False,
            progress=lambda what, done, end: bars(f"{which}: {what}", done, end),
        )
