"""The ten minutes of docs/ten-minutes.md, with its very blocks: settings, key, shop, passkey, transfer.

And what docs/step-up.md says of such a transfer: an auditor checks, with the lines that stand there, what was signed.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.shop import DOCS, IBAN, Place, block, visitor
from tests.stories.running import run_inside


def test_a_transfer_is_approved_by_a_passkey(place: Place) -> None:
    """All of the page's third section, and what is promised of it."""
    shop, alice = place.shop, place.alice
    assert alice.sign_in().text == "Done: login"
    assert "set up a passkey" in alice.transfer().text
    alice.enrol()
    asked = alice.transfer()
    assert (asked.status_code, shop.transfers) == (303, [])
    before = alice.shop.cookies["shop"]
    back = alice.confirm(asked.headers["location"])
    assert alice.shop.get(back).text == "Done: transfer"
    assert shop.transfers == [("alice", IBAN, 120_000)]
    assert alice.shop.cookies["shop"] != before
    assert alice.shop.get(back).status_code == 403
    assert len(shop.transfers) == 1


def test_attack_the_owner_confirms_somebody_elses_challenge(place: Place) -> None:
    """Mallory knows alice's password and sends her the address. She confirms; nothing reaches mallory's session."""
    shop, alice = place.shop, place.alice
    mallory = visitor(shop)
    alice.settle()
    signed_in = mallory.post("/sign-in", data={"name": "alice", "password": "correct horse"})
    assert signed_in.text == "Done: login"
    asked = mallory.post("/transfer", data={"to": IBAN, "cents": "120000"})
    back = alice.confirm(asked.headers["location"])
    done = len(shop.transfers)
    assert alice.shop.get(back).status_code == 403
    assert mallory.get("/confirmed", params={"challenge": "x", "code": "x", "state": "x"}).status_code == 403
    assert len(shop.transfers) == done


def test_the_shops_own_checks(place: Place) -> None:
    """A wrong password, nobody signed in, an error in the address: nothing happens."""
    shop = place.shop
    nobody = visitor(shop)
    assert nobody.post("/sign-in", data={"name": "alice", "password": "no"}).status_code == 403
    assert nobody.post("/sign-in", data={"name": "ghost", "password": ""}).status_code in (403, 422)
    assert nobody.post("/transfer", data={"to": IBAN, "cents": "1"}).status_code == 403
    assert nobody.get("/security").status_code == 403
    assert nobody.get("/confirmed", params={"error": "cancelled"}).status_code == 403


@pytest.fixture(scope="module")
def disclosed(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The enrolment, the decision, the challenge and the success of a transfer, with what was approved."""
    alice = place.alice
    alice.settle()
    back = alice.confirm(alice.transfer().headers["location"])
    assert alice.shop.get(back).text == "Done: transfer"
    leaves = [json.loads(leaf) for leaf in place.server.leaves()]
    passed = max(index for index, leaf in enumerate(leaves) if leaf["kind"] == "challenge.passed")
    issued = leaves[passed]["previous"]
    enrolled = next(index for index, leaf in enumerate(leaves) if leaf["kind"] == "factor.enrolled")
    named = f"{enrolled},{leaves[issued]['previous']},{issued},{passed}"
    file = tmp_path_factory.mktemp("dispute") / "dispute.json"
    run_inside(
        *("ledger", "disclose", "--data", place.server.data, "--entries", named),
        *("--fields", "approval", "--reason", "dispute 77", "--out", file),
    ).check_returncode()
    return file


def _check(file: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """The page's lines, in a process of their own."""
    script = tmp_path / "signed.py"
    script.write_text(block("step-up.md", "python"), encoding="utf-8")
    return subprocess.run([sys.executable, script, file], capture_output=True, text=True, check=False)


def test_an_auditor_checks_what_a_passkey_signed(place: Place, disclosed: Path, tmp_path: Path) -> None:
    """The file holds, and the page's own lines find the person's signature over this very transfer."""
    key = place.server.data / "keys" / "ledger.vkey"
    run_inside("ledger", "check-disclosure", disclosed, "--vkey", key).check_returncode()
    done = _check(disclosed, tmp_path)
    assert done.stderr == ""
    assert done.stdout.startswith("signed: ")
    assert done.stdout in (DOCS / "step-up.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("index", "part", "old", "new"),
    [
        (2, "shown", "120000", "120001"),
        (1, "leaf", '"policy":"', '"policy":"0'),
        (0, "leaf", '"rp_id":"localhost"', '"rp_id":"elsewhere"'),
        (3, "leaf", '"credential":"', '"credential":"0'),
    ],
)
def test_attack_a_disclosed_approval_is_changed(
    disclosed: Path, tmp_path: Path, index: int, part: str, old: str, new: str
) -> None:
    """Another amount, policy, site or passkey: the page's lines say so."""
    told = json.loads(disclosed.read_text(encoding="utf-8"))
    before = json.dumps(told["entries"][index][part])
    after = before.replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1])
    assert after != before
    told["entries"][index][part] = json.loads(after)
    file = tmp_path / "changed.json"
    file.write_text(json.dumps(told), encoding="utf-8")
    assert _check(file, tmp_path).returncode == 1
