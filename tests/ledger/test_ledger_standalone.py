"""The stand-alone verifier, as an auditor runs it: in its own process, from its own file, with nothing else there."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stepwarden.cli.ledger_verifier import ENTRY, bundle, modules, verifier
from stepwarden.errors import StorageError
from stepwarden.ledger.__main__ import run as run_here
from stepwarden.ledger.cosignature import Ed25519Cosigner
from stepwarden.ledger.note import Ed25519Signer
from stepwarden.ledger.proof import inclusion_proof
from stepwarden.ledger.tiles import StoredNodes, Tail
from stepwarden.ledger.tlog_proof import TlogProof
from tests.ledger.published_logs import ORIGIN, SIGNER, TIME, VKEY, made_log, put

LOG = made_log(700)
WITNESS = Ed25519Cosigner.from_seed("witness.example/w1", bytes([7]) * 32)
POLICY = f"log {VKEY}\nwitness w1 {WITNESS.verifier.format()}\nquorum w1\n"

# Anything but the standard library, cryptography and the verifier's own modules cannot be imported.
BLOCKED = """
import runpy, sys
class Wall:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        ours = ("stepwarden", "stepwarden.errors", "stepwarden.ledger")
        own = name in ours or name.startswith("stepwarden.ledger.")
        if not (own or top in sys.stdlib_module_names or top in ("cryptography", "_cffi_backend", "__main__")):
            raise ImportError(f"the verifier reached for {name}")
sys.meta_path.insert(0, Wall())
sys.argv[0] = "stepwarden-verify"
runpy.run_module("stepwarden.ledger", run_name="__main__", alter_sys=True)
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The verifier's file."""
    path = tmp_path_factory.mktemp("auditor") / "stepwarden-verify.pyz"
    path.write_bytes(bundle())
    return path


@pytest.fixture
def run(pyz: Path) -> Run:
    """Runs the verifier's file in a directory where there is nothing of ours."""

    def go(*arguments: str | Path, stdin: bytes = b"") -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [sys.executable, pyz, *arguments],
            cwd=pyz.parent,
            input=stdin,
            capture_output=True,
            timeout=60,
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    return go


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A published log of 700 entries, cosigned by one witness."""
    folder = tmp_path / "log"
    LOG.publish(folder, 700)
    line = WITNESS.cosign(LOG.claim(700).format(), TIME)
    put(folder / "checkpoint", LOG.note(700, lines=[line]).encode())
    return folder


def receipt(index: int, size: int = 700) -> str:
    tail = Tail.load(LOG.store, 700)
    hashes = inclusion_proof(index, size, StoredNodes(LOG.store, tail))
    line = WITNESS.cosign(LOG.claim(size).format(), TIME)
    return TlogProof(index=index, hashes=tuple(hashes), checkpoint=LOG.note(size, lines=[line])).format()


def test_the_verifier_imports_nothing_else(folder: Path) -> None:
    """With every other package, and every other room, behind a wall, a whole log is verified."""
    command = [sys.executable, "-c", BLOCKED, "verify", "--dir", str(folder), "--vkey", VKEY]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr + done.stdout
    walled = subprocess.run(
        [sys.executable, "-c", BLOCKED.replace('"stepwarden.ledger"', '"stepwarden.cli.main"')],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "the verifier reached for stepwarden.cli" in walled.stderr


def test_the_verifier_works_where_only_its_files_were_copied(tmp_path: Path, folder: Path) -> None:
    """Its modules in a new directory, and no trace of where they came from."""
    root = Path(modules("stepwarden")[0]).parents[1]
    for path in modules(ENTRY):
        put(tmp_path / "copy" / path.relative_to(root), path.read_bytes())
    script = f"import sys; sys.path.insert(0, {str(tmp_path / 'copy')!r})\n" + BLOCKED
    script += "assert sys.modules['stepwarden'].__file__.startswith(sys.path[0])"
    command = [sys.executable, "-c", script, "verify", "--dir", str(folder), "--vkey", VKEY]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    names = {path.relative_to(root).as_posix() for path in modules(ENTRY)}
    assert all(
        name.startswith(("stepwarden/ledger/", "stepwarden/errors", "stepwarden/__init__")) for name in names
    )


def test_the_same_version_makes_the_same_file(pyz: Path) -> None:
    """So that its SHA-256 can be compared; and it is a runnable zip."""
    assert bundle() == pyz.read_bytes()
    assert zipfile.ZipFile(pyz).testzip() is None
    assert pyz.read_bytes().startswith(b"#!/usr/bin/env python3\n")
    asked = (
        f"import runpy, sys; sys.argv[1:] = ['-h']\ntry: runpy.run_path({str(pyz)!r}, run_name='__main__')\n"
    )
    asked += "except SystemExit: print(sys.modules['stepwarden.ledger.__main__'].__file__)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1].startswith(str(pyz))  # not the Stepwarden that is installed here


def test_the_command_writes_the_verifier(tmp_path: Path, pyz: Path) -> None:
    """``stepwarden ledger verifier`` as people run it."""
    out = tmp_path / "v.pyz"
    command = [str(Path(sys.executable).parent / "stepwarden"), "ledger", "verifier", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "SHA-256" in done.stdout
    assert out.read_bytes() == pyz.read_bytes()
    with pytest.raises(StorageError, match="cannot be written"):
        verifier(tmp_path / "no" / "v.pyz")


def test_a_good_log_passes_step_by_step(run: Run, folder: Path, tmp_path: Path) -> None:
    """Numbered steps, a last line, exit code 0; old checkpoints and receipts count as the past."""
    put(tmp_path / "old", LOG.note(300).encode())
    put(tmp_path / "old.tlog-proof", receipt(5, 600).encode())
    put(tmp_path / "policy", POLICY.encode())
    done = run(
        "verify", "--dir", folder, "--vkey", VKEY, "--policy", tmp_path / "policy",
        "--checkpoint", tmp_path / "old", tmp_path / "old.tlog-proof",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    numbers = [int(line.split(".")[0]) for line in lines[:-1]]
    assert numbers == sorted(numbers)
    assert set(numbers) >= {1, 2, 3, 4, 5}
    assert all(": ok, " in line for line in lines[:-1])
    assert lines[-1].startswith(f"OK, the log {ORIGIN}: 700 entries under root ")
    assert any("the past: ok, every earlier checkpoint agrees (2)" in line for line in lines)
    assert done.stderr == ""  # no terminal, no progress


def test_a_damaged_log_fails_with_exit_code_1(run: Run, folder: Path) -> None:
    """And the report says where."""
    path = folder / "tile/entries/000"
    path.write_bytes(path.read_bytes().replace(b"entry 77", b"entry 78"))
    done = run("verify", "--dir", folder, "--vkey", VKEY)
    assert done.returncode == 1
    assert "the tree: FAILED" in done.stdout
    assert "tile 0 of level 0" in done.stdout
    assert "\nFAILED, the log" in done.stdout


def test_attack_entries_are_hidden_and_called_pruned(run: Run, folder: Path) -> None:
    """Whoever knows of no pruning gets no OK for entries that nobody hashed; who does says from where on."""
    for index in range(2):
        (folder / f"tile/entries/{index:03}").unlink()
    arguments = ("verify", "--dir", folder, "--vkey", VKEY)
    hidden = run(*arguments)
    assert hidden.returncode == 1, hidden.stdout + hidden.stderr
    assert "2. the entries: FAILED, the entries 0 to 511 are not here" in hidden.stdout
    assert run(*arguments, "--floor", "511").returncode == 1
    known = run(*arguments, "--floor", "512", "--json")
    assert known.returncode == 0, known.stdout
    assert json.loads(known.stdout)["floor"] == 512
    assert "of which the first 512 are not here" in run(*arguments, "--floor", "600").stdout
    for text in ("-1", "0x1", "1_0", "", "9" * 20):
        assert run(*arguments, f"--floor={text}").returncode == 2


def test_json_says_the_same_for_machines(run: Run, folder: Path) -> None:
    """One object; the codes of errors are the stable ones."""
    done = run("verify", "--dir", folder, "--vkey", VKEY, "--json")
    found: dict[str, Any] = json.loads(done.stdout)
    assert (found["ok"], found["origin"], found["size"]) == (True, ORIGIN, 700)
    assert {step["number"] for step in found["steps"]} >= {1, 2, 3, 4, 5}
    assert all(step["ok"] for step in found["steps"])
    (folder / "checkpoint").unlink()
    found = json.loads(run("verify", "--dir", folder, "--vkey", VKEY, "--json").stdout)
    assert found["ok"] is False
    assert found["steps"][0]["error"] == "ledger.corrupt"


def test_a_policy_brings_the_log_s_keys_and_asks_for_its_witnesses(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    """Without --vkey the policy's logs are those; without the witness's line the log fails."""
    put(tmp_path / "policy", POLICY.encode())
    assert run("verify", "--dir", folder, "--policy", tmp_path / "policy").returncode == 0
    put(folder / "checkpoint", LOG.note(700).encode())
    done = run("verify", "--dir", folder, "--policy", tmp_path / "policy")
    assert done.returncode == 1
    assert "too few witnesses" in done.stdout


def test_keys_come_as_text_or_in_files(run: Run, folder: Path, tmp_path: Path) -> None:
    """A file of several, with comments; several keys of one name are one log's."""
    retired = Ed25519Signer.from_seed(ORIGIN, bytes(32)).verifier.format()
    put(tmp_path / "keys", f"# until March\n{retired}\n{VKEY}\n".encode())
    assert run("verify", "--dir", folder, "--vkey", tmp_path / "keys").returncode == 0
    assert run("verify", "--dir", folder, "--vkey", retired, VKEY).returncode == 0
    assert run("verify", "--dir", folder, "--vkey", retired).returncode == 1


def test_a_receipt_is_checked_with_its_entry(run: Run, tmp_path: Path) -> None:
    """Entry, log's signature, witnesses; from a file or from stdin."""
    put(tmp_path / "r", receipt(77).encode())
    put(tmp_path / "e", b"entry 77")
    put(tmp_path / "policy", POLICY.encode())
    done = run("receipt", tmp_path / "r", "--entry", tmp_path / "e", "--policy", tmp_path / "policy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "these 8 bytes are entry 77 of the 700" in done.stdout
    assert f"OK, entry 77 is in the log {ORIGIN}" in done.stdout
    assert run("receipt", tmp_path / "r", "--entry", "-", "--vkey", VKEY, stdin=b"entry 77").returncode == 0


def test_a_receipt_for_another_entry_fails(run: Run, tmp_path: Path) -> None:
    """One byte more (a newline that an editor added), another entry, another log, too few witnesses: exit code 1."""
    put(tmp_path / "r", receipt(77).encode())
    put(tmp_path / "e", b"entry 77")
    other = Ed25519Signer.from_seed("log.example/theirs", bytes(32)).verifier.format()
    stranger = Ed25519Cosigner.from_seed("w2", bytes(32)).verifier.format()
    put(tmp_path / "policy", f"witness w2 {stranger}\nquorum w2\n".encode())
    for text in (b"entry 77\n", b"entry 78", b""):
        done = run("receipt", tmp_path / "r", "--entry", "-", "--vkey", VKEY, stdin=text)
        assert done.returncode == 1
        assert "2. the entry: FAILED, the proof does not lead to the root" in done.stdout
    assert run("receipt", tmp_path / "r", "--entry", tmp_path / "e", "--vkey", other).returncode == 1
    done = run(
        "receipt", tmp_path / "r", "--entry", tmp_path / "e", "--vkey", VKEY, "--policy", tmp_path / "policy"
    )
    assert done.returncode == 1
    assert "3. the witnesses: FAILED" in done.stdout
    put(tmp_path / "r", b"not a receipt")
    assert run("receipt", tmp_path / "r", "--entry", tmp_path / "e", "--vkey", VKEY, "--json").returncode == 1


def test_wrong_usage_is_told_from_a_bad_log(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path
) -> None:
    """Exit code 2 and one line on stderr: nothing was verified."""
    put(tmp_path / "binary", b"\xff\xfe")
    put(tmp_path / "key", b"sw_secret\n")
    put(tmp_path / "broken.tlog-proof", b"c2sp.org/tlog-proof@v1\nindex x\n\n")
    two = Ed25519Signer.from_seed("log.example/theirs", bytes(32)).verifier.format()
    good: list[str | Path] = ["verify", "--dir", folder, "--vkey", VKEY]
    cases: list[tuple[list[str | Path], str]] = [
        ([], "required"),
        (["verify", "--vkey", VKEY], "--dir --url"),
        ([*good, "--url", "https://h"], "not allowed"),
        (["verify", "--dir", folder], "no key of the log"),
        (["verify", "--dir", folder, "--vkey", "x+y+z"], "neither a file nor a public key"),
        (["verify", "--dir", folder, "--vkey", tmp_path / "binary"], "not text"),
        (["verify", "--dir", folder, "--vkey", VKEY, two], "several names"),
        (["verify", "--dir", folder, "--vkey", WITNESS.verifier.format()], "a witness's"),
        (["verify", "--url", "ftp://h", "--vkey", VKEY], "no address"),
        (
            ["verify", "--url", "https://h", "--vkey", VKEY, "--bearer", folder / "checkpoint"],
            "no token has",
        ),
        (["verify", "--url", "http://h", "--vkey", VKEY, "--bearer", tmp_path / "key"], "use https"),
        ([*good, "--policy", tmp_path / "gone"], "cannot be read"),
        ([*good, "--policy", folder / "checkpoint"], "line 1: "),
        ([*good, "--checkpoint", tmp_path / "gone"], "cannot be read"),
        ([*good, "--checkpoint", tmp_path / "binary"], "not text"),
        ([*good, "--checkpoint", tmp_path / "broken.tlog-proof"], "broken receipt"),
        (["receipt", tmp_path / "gone", "--entry", "-", "--vkey", VKEY], "cannot be read"),
    ]
    for arguments, words in cases:
        try:
            code = run_here([str(each) for each in arguments])
        except SystemExit as exc:  # how argparse ends
            code = int(exc.code or 0)
        out, err = capsys.readouterr()
        assert (code, out) == (2, ""), (arguments, out)
        assert words in err


def test_what_a_log_says_of_itself_does_not_steer_the_terminal(run: Run, tmp_path: Path) -> None:
    """An origin with the control codes of old terminals, and a right-to-left mark, is printed in escapes."""
    evil = Ed25519Signer.from_seed("log\x9b2J\u202efo.gol", bytes(32))
    put(tmp_path / "checkpoint", LOG.note(700, signer=SIGNER).replace(ORIGIN, evil.name).encode())
    done = run("verify", "--dir", tmp_path, "--vkey", evil.verifier.format())
    assert done.returncode == 1
    assert "\x9b" not in done.stdout
    assert "\u202e" not in done.stdout
    assert "\\x9b" in done.stdout
