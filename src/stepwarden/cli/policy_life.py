"""``stepwarden policy list|show|results|draft|shadow|canary|promote|withdraw|rollback|retire|emergency``.

Running or not, as all commands that write. A policy is named by its hash (the first characters do), by ``live`` or
``candidate``, or by its file; a file that the log does not know yet becomes a draft first.
"""

import re
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from stepwarden.app.commands import ListPolicies, ShowPolicy, StepPolicy, SwitchEmergency
from stepwarden.cli.keys import run
from stepwarden.cli.options import DATA, Data
from stepwarden.errors import InputError, PolicyError
from stepwarden.policy.default import default_text
from stepwarden.policy.loader import load
from stepwarden.policy.policy import Policy

Named = Annotated[
    str, typer.Argument(metavar="FILE|HASH", help="A policy's file, the beginning of its hash, or live.")
]
Candidate = Annotated[
    str, typer.Argument(metavar="[FILE|HASH]", help="The policy [default: the one in shadow or canary].")
]
Why = Annotated[str, typer.Option("--reason", help="Why; it stands in the log.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the log for good.")]
SHIPPED = ("-", "default")
"""Words for the policy that ships."""
TESTED = {"tested": "cases", "back_tested": "back-test", "tried": "trial"}
"""What a policy was tested by, by the field that says so; ``trial`` is a time in shadow or canary."""
_PERCENT = re.compile(r"(100|[1-9]?[0-9])(?:\.([0-9]{1,2}))?%")


def draft(
    file: Annotated[Path, typer.Argument(help="The policy.")], reason: Why = "", data: Data = DATA
) -> None:
    """Bring a policy into the log, where it decides nothing yet."""
    _draft(data, read(file), reason)


def shadow(policy: Named, reason: Why = "", data: Data = DATA) -> None:
    """Have a policy assess every attempt from here on, and decide none."""
    found = resolve(data, policy)
    _step(data, "shadow", found, reason=reason)
    print(f"in shadow: {found}. See stepwarden policy results")


def canary(
    percent: Annotated[str, typer.Argument(metavar="PERCENT", help="Of the people, like 10% or 0.5%.")],
    reason: Reason,
    policy: Candidate = "candidate",
    alone: Annotated[
        bool, typer.Option("--alone", help="Let it ask for less than the live policy does, too.")
    ] = False,
    data: Data = DATA,
) -> None:
    """Have a policy decide for a share of the people, the same ones throughout.

    Of them the stronger of its and the live policy's demand is asked, unless --alone.
    """
    share = share_of(percent)
    found = resolve(data, policy)
    _step(data, "canary", found, share=share, alone=alone, reason=reason)
    print(f"canary: {found} decides for {share / 100:g}% of the people{' alone' if alone else ''}")


def promote(
    reason: Reason,
    policy: Candidate = "candidate",
    force: Annotated[str, typer.Option(help="Why it is promoted without the steps before it.")] = "",
    data: Data = DATA,
) -> None:
    """Make a policy live. It was tested, and back-tested or in shadow or canary; else --force with a reason."""
    found = resolve(data, policy)
    _step(data, "promote", found, reason=reason, force=force)
    print(f"live: {found}. Back to the one before: stepwarden policy rollback")


def withdraw(reason: Reason, policy: Candidate = "candidate", data: Data = DATA) -> None:
    """Take a policy out of shadow or canary. It is a draft again."""
    found = resolve(data, policy)
    _step(data, "withdrawn", found, reason=reason)
    print(f"draft again: {found}")


def rollback(reason: Reason, data: Data = DATA) -> None:
    """Make the policy live that was live before; whatever else is going on. A canary ends."""
    _step(data, "rollback", "", reason=reason)
    print(f"live: {listing(data)['live']}")


def retire(policy: Named, reason: Reason, data: Data = DATA) -> None:
    """End a policy. It comes back only as a new draft."""
    found = resolve(data, policy)
    _step(data, "retired", found, reason=reason)
    print(f"retired: {found}")


emergency = typer.Typer(help="Raise every demand at once, and drop back.", no_args_is_help=True)


@emergency.command()
def on(reason: Reason, data: Data = DATA) -> None:
    """From here on every demand is the highest: two factors, for this very action, within the last minute."""
    done = run(data, SwitchEmergency(on=True, reason=reason))
    print(f"every demand is raised (entry {done['id']}) until stepwarden policy emergency off")


@emergency.command()
def off(reason: Reason, data: Data = DATA) -> None:
    """From here on the policy's demands hold again."""
    done = run(data, SwitchEmergency(on=False, reason=reason))
    print(f"the policy's demands hold again (entry {done['id']})")


def list_(data: Data = DATA) -> None:
    """Show all policies that the log knows."""
    found = listing(data)
    table = Table(Column("policy", no_wrap=True), "name", "stage", "tested by", "last step", "by", "reason")
    for row in found["policies"]:
        last = row.get("last") or {}
        share = f" {row['percent']:g}%" if row.get("percent") else ""
        table.add_row(
            row["policy"][:12],
            row["name"],
            row["stage"] + share,
            ", ".join(told for part, told in TESTED.items() if row.get(part)),
            last.get("time", "")[:19],
            last.get("by", ""),
            last.get("reason", ""),
        )
    Console(highlight=False).print(table)
    if found["emergency"]:
        told = found["emergency"]
        print(f"EMERGENCY since {told['time']} by {told['by']}: {told['reason']}. Every demand is raised.")


def show(
    policy: Named,
    text: Annotated[bool, typer.Option("--text", help="Print the policy file only.")] = False,
    data: Data = DATA,
) -> None:
    """Show a policy of the log: its steps, who took them and why; or its text."""
    found = _shown(data, policy)
    if text:
        print(found["text"], end="")
        return
    row = found["row"]
    print(f"{row['policy']}\n{row['name']}: {row['stage']}")
    table = Table("entry", "time", "step", "by", "reason", "report")
    for one in found["steps"]:
        share = f" {one['percent']:g}%" if one.get("percent") else ""
        report = " ".join(filter(None, (one.get("summary", ""), one.get("digest", "")[:12])))
        table.add_row(
            str(one["entry"]), one["time"][:19], one["step"] + share, one["by"], one.get("reason", ""), report
        )
    Console(highlight=False).print(table)


def results(policy: Candidate = "candidate", data: Data = DATA) -> None:
    """Show what a candidate answers so far, held against the live policy."""
    found = _shown(data, policy)
    counts = found["results"]
    if counts is None:
        raise InputError("this policy has never been in shadow or canary")
    print(
        f"{found['row']['name']} ({found['row']['policy'][:12]}, {found['row']['stage']}) against "
        f"{counts['live'][:12]} since {counts['since'][:19]}: {counts['attempts']:,} attempts, "
        f"{counts['decided']:,} decided by the canary"
    )
    print(
        f"asks for more: {counts['more']:,}; for less: {counts['less']:,}; could not be evaluated: {counts['failed']:,}"
    )
    console = Console(highlight=False)
    _table(console, counts["verdicts"], live="live", candidate="candidate", count="attempts")
    _table(console, counts["actions"], action="action", attempts="attempts", more="more", less="less")
    _table(console, counts["rules"], rule="rule", technique="technique", added="added", removed="removed")
    _table(
        console,
        [one for one in counts["labels"] if one["attempts"]],
        label="label",
        attempts="attempts",
        live_lets_through="live lets through",
        candidate_lets_through="candidate lets through",
    )
    ends = counts["challenges"]
    if ends["asked"]:
        print(
            f"challenges of the canary: {ends['asked']} asked, {ends['passed']} passed, {ends['failed']} failed, "
            f"{ends['abandoned']} abandoned"
        )


def _table(console: Console, rows: list[dict[str, Any]], **columns: str) -> None:
    if rows:
        table = Table(*columns.values())
        for row in rows:
            table.add_row(*(str(row[name]) for name in columns))
        console.print(table)


def read(file: Path) -> Policy:
    """A policy that can be used. Raises: PolicyError: it cannot, or not be read."""
    try:
        text = file.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as exc:
        raise PolicyError(f"{file} cannot be read: {exc}") from exc
    return load(text)


def listing(data: Path) -> dict[str, Any]:
    """What ``policy list`` shows, as data."""
    return run(data, ListPolicies())


def resolve(data: Path, word: str) -> str:
    """The hash of the policy that is meant; a file that the log does not know becomes a draft.

    Raises:
        StepwardenError: the file is no policy; nothing of this name.
    """
    if word in SHIPPED:
        return _drafted(data, load(default_text()))
    if Path(word).is_file():
        return _drafted(data, read(Path(word)))
    return str(_shown(data, word)["row"]["policy"])


def record_report(
    data: Path, word: str, policy: Policy, step: str, report: bytes, summary: str, reason: str
) -> str:
    """Write that a policy was ``tested`` or ``back-tested``, by this report; the id of the entry.

    It is written of the policy that was tested, whatever the word means meanwhile.

    Args:
        word: how the policy was named: a file, a hash or its beginning.
        report: the bytes of the whole report; their SHA-256 stands in the entry, and ``summary`` in one line.
    """
    if word in SHIPPED or Path(word).is_file():
        _drafted(data, policy)
    digest = sha256(report).hexdigest()
    done = run(data, StepPolicy(step, policy.hash, reason=reason, digest=digest, summary=summary))
    return str(done["id"])


def share_of(percent: str) -> int:
    """Of 10,000: ``10%``, ``0.5%``. Raises: InputError: anything else, or more than all or nothing of them."""
    match = _PERCENT.fullmatch(percent)
    share = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0")) if match is not None else 0
    if not 1 <= share <= 10_000:
        raise InputError(f"{percent!r} is no share: say 10% or 0.5%, at most 100%", field="percent")
    return share


def _drafted(data: Path, policy: Policy) -> str:
    """The hash of this policy, which becomes a draft where the log does not know it."""
    stages = {row["policy"]: row["stage"] for row in listing(data)["policies"]}
    if stages.get(policy.hash, "retired") == "retired":
        _draft(data, policy)
    return policy.hash


def _draft(data: Path, policy: Policy, reason: str = "") -> None:
    _step(data, "draft", policy.hash, text=policy.text, reason=reason)
    print(f"draft: {policy.hash}")


def _shown(data: Path, word: str) -> dict[str, Any]:
    return run(data, ShowPolicy(word))


def _step(data: Path, step: str, policy: str, **more: Any) -> None:
    run(data, StepPolicy(step, policy, **more))
