"""``stepwarden witness``: cosign the checkpoints of other people's logs, so that they cannot show two pasts."""

import logging
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from stepwarden.app.witness import OpenWitness, open_witness, serve_witness
from stepwarden.errors import InputError, MalformedNoteError, NotFoundError
from stepwarden.ledger.keys import read_keyring
from stepwarden.ledger.vkey import parse_vkey

app = typer.Typer(
    help="Be a witness: cosign the checkpoints of logs that only ever grow.", no_args_is_help=True
)

Data = Annotated[
    Path,
    typer.Option(
        "--data",
        "-d",
        envvar="STEPWARDEN_WITNESS_DATA",
        help="The witness's directory: keys and memory. Never restore its memory from an old copy.",
    ),
]
DATA = Path("witness-data")
Key = Annotated[
    str, typer.Option("--vkey", help="A log's public key (name+id+key), or a file of such lines.")
]


@app.command()
def serve(
    data: Data = DATA,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on, 0 for a free one.")] = 8701,
    name: Annotated[
        str, typer.Option(help="Name of a new witness, like witness.example.com/w1 [default: random].")
    ] = "",
    log: Annotated[
        list[str] | None,
        typer.Option(help="Follow this log too: its public key, or a file of keys. Repeat for more."),
    ] = None,
) -> None:
    """Cosign for the logs that are followed, until stopped. Needs no key from them: their signature is looked at."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    console = Console(stderr=True, highlight=False, markup=False)
    opened = open_witness(data, name=name)
    try:
        for text in log or ():
            _follow(opened, text)

        def started(at: str, number: int) -> None:
            shown = f"[{at}]" if ":" in at else at
            console.print(
                f"The witness answers on http://{shown}:{number} for {len(opened.store.logs())} log keys"
            )
            for vkey in opened.vkeys:
                console.print(vkey, soft_wrap=True)

        uvloop.run(serve_witness(opened, host, port, started))
    finally:
        opened.close()


@app.command("add-log")
def add_log(
    vkey: Key,
    data: Data = DATA,
    origin: Annotated[
        str, typer.Option(help="First line of the log's checkpoints, where it is not the key's name.")
    ] = "",
) -> None:
    """Follow a log: its checkpoints are cosigned from now on, also by a witness that is running."""
    opened = open_witness(data)
    try:
        for name, new in _follow(opened, vkey, origin):
            print(f"{'following' if new else 'already following'} {name}")
    finally:
        opened.close()


@app.command("drop-log")
def drop_log(
    vkey: Annotated[str, typer.Option("--vkey", help="The public key (name+id+key), one only.")],
    data: Data = DATA,
) -> None:
    """Believe a log's key no more, as after the log retired it. What was signed stays remembered."""
    opened = _existing(data)
    try:
        known = opened.unfollow(vkey)
    finally:
        opened.close()
    if not known:
        raise NotFoundError("this key is not followed: `stepwarden witness list` shows the logs")
    print(f"no longer following {vkey.partition('+')[0]} by this key")


@app.command("list")
def list_(data: Data = DATA) -> None:
    """Show the logs that are followed, and how far each has been seen."""
    opened = _existing(data)
    try:
        table = Table("log", "entries seen", "keys")
        logs = opened.store.logs()
        for origin, size in dict.fromkeys((origin, size) for origin, _, size in logs):
            keys = sum(other == origin for other, _, _ in logs)
            table.add_row(origin, "-" if size is None else f"{size:,}", str(keys))
        Console(soft_wrap=True).print(table)
    finally:
        opened.close()


@app.command()
def vkey(data: Data = DATA) -> None:
    """Print the witness's public keys, for a policy file: Ed25519, then ML-DSA-44. Use one of them."""
    opened = open_witness(data)
    try:
        print("\n".join(opened.vkeys))
    finally:
        opened.close()


def _existing(data: Path) -> OpenWitness:
    """The witness of a directory that has one: a mistyped name must not become a new witness."""
    if not data.exists():
        raise NotFoundError(
            f"there is no witness in {data}: name its directory by --data or STEPWARDEN_WITNESS_DATA"
        )
    return open_witness(data)


def _follow(opened: OpenWitness, text: str, origin: str = "") -> list[tuple[str, bool]]:
    """Follow the log, or the logs, of a key or a file of keys. Origins, and whether each key is new."""
    return [(origin or vkey.partition("+")[0], opened.follow(vkey, origin)) for vkey in _keys(text)]


def _keys(text: str) -> list[str]:
    """One key, or those of a file that are not retired."""
    path = Path(text)
    if "+" in text and not path.is_file():
        try:
            return [parse_vkey(text.strip()).format()]
        except MalformedNoteError as exc:
            raise InputError(
                f"{text[:80]!r} is neither a file nor a public key: {exc}", field="vkey"
            ) from exc
    if not path.is_file():
        raise InputError(f"{text[:80]!r} is neither a file nor a public key", field="vkey")
    return [known.key.format() for known in read_keyring(path).keys if known.until is None]
