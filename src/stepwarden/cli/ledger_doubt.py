"""``stepwarden ledger trust`` and ``ledger anchor``: end a doubt, have the log stamped. Running or stopped."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from stepwarden.app.commands import AnchorLog, TrustLog
from stepwarden.cli.keys import run
from stepwarden.cli.options import DATA, Data


def trust(
    reason: Annotated[
        str, typer.Option(help="Why the log may be used although something is missing from it.")
    ],
    data: Data = DATA,
) -> None:
    """Go on with a log that something outside contradicts. Who knew what, and your reason, become an entry.

    First restore the newest copy of the data directory, if there is one: what this log lost, it has forgotten, the risk
    that it knew of included.
    """
    done: Any = run(data, TrustLog(reason=reason))
    print(f"The doubt is over. {len(done['known'])} claims about another log are accepted:")
    for claim in done["known"]:
        print(f"  {claim}")


def anchor(data: Data = DATA) -> None:
    """Have the newest checkpoint stamped by the authority of the settings, now."""
    done: Any = run(data, AnchorLog())
    time = datetime.fromtimestamp(done["stamped"] / 1e6, UTC)
    print(f"{done['size']} entries under root {done['root']} were stamped at {time:%Y-%m-%d %H:%M:%S} UTC.")
    print(f"The stamp is in {done['folder']} and in the log.")
