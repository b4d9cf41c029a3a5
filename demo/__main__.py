"""``python -m demo``: start everything, or print a one-time code. See the package for the ways to call it."""

import argparse
import asyncio
import sys
from pathlib import Path

from rich.console import Console

from demo.attacks import ATTACKS
from demo.bank.democodes import current_code, read_phones, seconds_left
from demo.processes import DemoError
from demo.show import PHONES, Options, Show

DATA = Path("demo-data")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo", description="Stepwarden, a small bank, people with habits, and attackers."
    )
    parser.add_argument("--attack", choices=sorted(ATTACKS), default="", help="let an attacker in")
    parser.add_argument("--seconds", type=float, default=0, help="stop by itself after so many seconds")
    parser.add_argument("--no-traffic", action="store_true", help="nobody but you")
    parser.add_argument("--keep", action="store_true", help="go on with the data of the last time")
    parser.add_argument("--data", type=Path, default=DATA, help="where the data lies (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="the bank's port, if it is free")
    parser.add_argument("--seed", type=int, default=7, help="another seed is another day")
    parser.add_argument("--pace", type=float, default=3.0, help="mean seconds between a person's doings")
    return parser


def _print_code(arguments: list[str]) -> int:
    """``python -m demo code USER [--data DIR]``."""
    parser = argparse.ArgumentParser(prog="python -m demo code")
    parser.add_argument("user")
    parser.add_argument("--data", type=Path, default=DATA)
    options = parser.parse_args(arguments)
    phone = read_phones(options.data / PHONES).get(options.user)
    if phone is None:
        print(
            f"no authenticator for {options.user!r} in {options.data}: is the demonstration running?",
            file=sys.stderr,
        )
        return 1
    print(f"{current_code(phone)}   (for {seconds_left()} s; works once)")
    return 0


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["code"]:
        return _print_code(arguments[1:])
    given = _parser().parse_args(arguments)
    options = Options(
        attack=given.attack,
        seconds=given.seconds,
        traffic=not given.no_traffic,
        keep=given.keep,
        data=given.data.resolve(),
        port=given.port,
        seed=given.seed,
        pace=given.pace,
    )
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 120
    try:
        asyncio.run(_run(options, console))
    except DemoError as exc:
        print(f"demo: {exc}", file=sys.stderr)
        return 1
    return 0


async def _run(options: Options, console: Console) -> None:
    await Show(options, console).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
