"""``stepwarden ledger verifier``: the verifier as one file, to give to an auditor.

The file is a Python zip application: `python stepwarden-verify.pyz verify ...`. It holds `stepwarden.errors` and the
modules of the ledger that the verifier needs, found by following their imports; of other packages it asks for
`cryptography` alone. The same version makes the same bytes, so that an auditor can compare its SHA-256 with one that
they made themselves.
"""

import ast
import hashlib
import io
import zipfile
from pathlib import Path
from typing import Annotated, Final

import typer

import stepwarden
from stepwarden.errors import StorageError

ENTRY: Final = "stepwarden.ledger.__main__"
"""The module that is run."""

_SHEBANG: Final = b"#!/usr/bin/env python3\n"
_STARTER: Final = f"""import sys
try:
    from {ENTRY} import main
except ImportError as exc:
    sys.exit(f"error: this needs Python 3.11 and the package cryptography, 50 or newer: {{exc}}")
main()
"""


def verifier(
    out: Annotated[Path, typer.Option(help="The file to write; an existing one is replaced.")] = Path(
        "stepwarden-verify.pyz"
    ),
) -> None:
    """Write the stand-alone verifier, which checks logs and receipts without Stepwarden."""
    data = bundle()
    try:
        out.write_bytes(data)
        out.chmod(0o755)
    except OSError as exc:
        raise StorageError(f"{out} cannot be written: {exc.strerror}") from exc
    print(f"{out}: {len(data):,} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}")
    print(f"Run it: python {out} verify --dir DIR --vkey KEY   (needs the package cryptography, 50 or newer)")


def bundle() -> bytes:
    """Return the stand-alone verifier's file."""
    file = io.BytesIO(_SHEBANG)
    file.seek(0, io.SEEK_END)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        files = {"__main__.py": _STARTER.encode()} | {
            str(path.relative_to(_root().parent)): path.read_bytes() for path in modules(ENTRY)
        }
        for name in sorted(files):
            # A fixed date, so that the same version makes the same bytes.
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name])
    return file.getvalue()


def modules(start: str) -> list[Path]:
    """Return the files of a module of ours and of all of ours that it imports, packages included."""
    found: dict[str, Path] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        path = _path(name)
        if name in found or path is None:
            continue
        found[name] = path
        waiting += [name.rpartition(".")[0], *_imports(path)]
    return sorted(found.values())


def _root() -> Path:
    return Path(stepwarden.__file__).parent


def _path(name: str) -> Path | None:
    """The file of a module of ours; None for anything else."""
    first, *rest = name.split(".")
    if first != stepwarden.__name__:
        return None
    base = _root().joinpath(*rest)
    return next((p for p in (base / "__init__.py", base.with_suffix(".py")) if p.is_file()), None)


def _imports(path: Path) -> list[str]:
    """What a file imports, by name; of `from a import b` both a and a.b, since b may be a module."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names
