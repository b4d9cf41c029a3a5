"""High-risk step-ups wait for witnesses: one service, two witnesses that live, one that does not, quorum 2 of 3."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from stepwarden.ledger.checkpoint import open_checkpoint
from stepwarden.ledger.vkey import parse_vkey
from stepwarden.ledger.witness import origin_hash
from stepwarden.ledger.witness_policy import WitnessPolicy
from tests.stories.asking import FIREFOX, Browser, entries, send
from tests.stories.authenticator import Authenticator
from tests.stories.running import Server, check_log, run_inside, until
from tests.stories.witnessing import WitnessProcess, free_port

ORDER = {"resource": "account/7", "parameters": {"amount": 100, "to": "DE02"}}
SETTINGS = """
[witnesses]
policy = "witnesses.policy"
seconds = 0.2
timeout = {timeout}
required = ["challenge.passed"]
actions = ["transfer"]
"""


class House:
    """The service and its witnesses."""

    def __init__(self, folder: Path, timeout: float) -> None:
        self.server = Server(folder / "data")
        self.witnesses = [WitnessProcess(folder / f"w{number}") for number in (1, 2)]
        self.key = self.server.make_key()
        for witness in self.witnesses:
            witness.begin("--log", str(self.server.data / "keys" / "ledger.vkey"))
        for witness in self.witnesses:
            witness.await_answers()
        dead = WitnessProcess(folder / "w3")
        lines = [
            # One by its Ed25519 key, the others by ML-DSA: a policy may mix them.
            *(f"witness w{n} {one.vkey(n)} {one.url}" for n, one in enumerate(self.witnesses)),
            f"witness w2 {dead.vkey(1)} http://127.0.0.1:{free_port()}",
            "group two 2 w0 w1 w2",
            "quorum two",
        ]
        self.policy = "\n".join(lines) + "\n"
        (self.server.data / "witnesses.policy").write_text(self.policy)
        (self.server.data / "stepwarden.toml").write_text(SETTINGS.format(timeout=timeout))
        self.server.start()

    def close(self) -> None:
        self.server.kill()
        for witness in self.witnesses:
            witness.end()


@pytest.fixture(scope="module")
def witnessed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("witnessed"), timeout=3)
    yield house
    house.close()


class Person:
    """Somebody signed in, with an authenticator, about to move money."""

    def __init__(self, http: httpx.Client, name: str, number: int) -> None:
        self.http, self.name, self.session = http, name, f"{name}-1"
        self.home = Browser(http, f"198.51.100.{number}", FIREFOX, f"{name}-laptop")
        self.home.sign_in(name, self.session)
        self.device = Authenticator(send(http, f"/v1/actors/{name}/factors/totp", {"attempt": ""})["secret"])

    def transfer(self, grant: str = "") -> dict[str, Any]:
        more = {"grant": grant} if grant else {}
        return self.home.ask("transfer", self.name, session=self.session, **ORDER, **more)

    def answer(self, asked: dict[str, Any]) -> httpx.Response:
        path = f"/v1/challenges/{asked['challenge']['id']}/answer"
        return self.http.post(path, json={"factor": "totp", "answer": self.device.code()})

    def kinds(self) -> list[str]:
        wanted = ("challenge.passed", "challenge.released", "challenge.withheld")
        return [entry["kind"] for entry in entries(self.http, actor=self.name) if entry["kind"] in wanted]


def test_a_transfer_counts_once_two_of_three_witnesses_have_signed(witnessed: House) -> None:
    """The right code is held, the quorum signs, the release is an entry, and the grant works once."""
    with witnessed.server.client(witnessed.key) as http:
        alice = Person(http, "alice", 1)
        answered = alice.answer(alice.transfer())
        assert answered.status_code == 200, answered.text
        grant = answered.json()
        passed = entries(http, actor="alice", kind="challenge.passed")[0]
        released = entries(http, actor="alice", kind="challenge.released")[0]
        assert passed["held"] is True
        assert released["previous"] == passed["index"]
        assert released["size"] > passed["index"]
        assert released["witnesses"] == ["w0", "w1"]
        assert grant["receipt"]["index"] == passed["index"]
        assert alice.transfer(grant["grant"])["decision"] == "allow"
        assert alice.transfer(grant["grant"])["decision"] == "step_up"


def test_the_witnesses_serve_what_they_signed_to_monitors(witnessed: House) -> None:
    """Anybody gets the newest note of each; the policy's own verifier accepts the witness's word in it."""
    policy = WitnessPolicy.parse(witnessed.policy)
    log = witnessed.server.verifiers()
    origin = log[0].name
    for number, witness in enumerate(witnessed.witnesses):
        note = httpx.get(f"{witness.url}/{origin_hash(origin)}/checkpoint", trust_env=False).text
        claim = open_checkpoint(note, origin, log)
        assert open_checkpoint(note, origin, [policy.witnesses[f"w{number}"].verifier]) == claim
        assert claim.size > 0
        assert parse_vkey(witness.vkey(1)).name == parse_vkey(witness.vkey(0)).name


def test_without_a_quorum_the_transfer_is_withheld_and_nothing_is_won(witnessed: House) -> None:
    """One more witness hangs: the right code is refused, used up, and gives neither grant nor standing."""
    with witnessed.server.client(witnessed.key) as http:
        bob = Person(http, "bob", 2)
        asked = bob.transfer()
        witnessed.witnesses[1].pause()
        refused = bob.answer(asked)
        witnessed.witnesses[1].resume()
        assert refused.status_code == 503, refused.text
        assert refused.json()["code"] == "challenge.not_witnessed"
        assert "grant" not in refused.json()
        assert bob.kinds() == ["challenge.passed", "challenge.withheld"]
        assert bob.answer(asked).status_code == 409
        again = bob.transfer()
        assert again["decision"] == "step_up"
        decided = [entry for entry in entries(http, actor="bob") if entry["kind"] == "attempt.decided"]
        assert decided[-1]["standing"]["aal"] == 1


def test_an_action_that_is_not_listed_waits_for_nobody(witnessed: House) -> None:
    """Enrolling another factor takes a code and no witness, as the settings say."""
    with witnessed.server.client(witnessed.key) as http:
        carol = Person(http, "carol", 3)
        asked = carol.home.ask("factor.enroll", "carol", session=carol.session)
        assert asked["decision"] == "step_up"
        assert carol.answer(asked).status_code == 200
        assert carol.kinds() == ["challenge.passed"]


def test_killed_witness_comes_back_with_what_it_signed(witnessed: House) -> None:
    """kill -9, start again: it goes on from the size it signed last, and the quorum is whole again."""
    witness = witnessed.witnesses[0]
    assert witness.end() == -9
    before = witness.seen()
    assert before > 0
    witness.start()
    with witnessed.server.client(witnessed.key) as http:
        dora = Person(http, "dora", 4)
        assert dora.answer(dora.transfer()).status_code == 200
    assert witness.seen() > before


def test_attack_ask_the_two_sides_of_a_race_for_one_held_success(witnessed: House) -> None:
    """Two answers at once while it is held: one is released, the other finds the challenge closed."""
    with witnessed.server.client(witnessed.key) as http:
        erik = Person(http, "erik", 5)
        asked, code = erik.transfer(), erik.device.code()
        path = f"/v1/challenges/{asked['challenge']['id']}/answer"
        answers: list[int] = []

        def answer() -> None:
            with witnessed.server.client(witnessed.key) as own:
                answers.append(own.post(path, json={"factor": "totp", "answer": code}).status_code)

        threads = [threading.Thread(target=answer) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == [200, 409]
        assert erik.kinds() == ["challenge.passed", "challenge.released"]


def test_metrics_say_how_witnessing_goes(witnessed: House) -> None:
    """How many witnesses there are, how many answered, how far behind the quorum is."""
    with witnessed.server.client(witnessed.key) as http:
        text = http.get("/metrics").text
    figures = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("stepwarden_witness"))
    assert figures["stepwarden_witnesses"] == "3"
    assert figures["stepwarden_witnesses_reached"] == "2"
    assert int(figures["stepwarden_witness_cosignatures_total"]) > 0


def test_killed_while_held_the_success_is_void_after_the_restart(tmp_path: Path) -> None:
    """kill -9 between the right code and the witnesses: the next start withholds it, and replay agrees."""
    house = House(tmp_path, timeout=50)
    try:
        with house.server.client(house.key) as http:
            frida = Person(http, "frida", 6)
            asked = frida.transfer()
            for witness in house.witnesses:
                witness.end()

            def answer() -> None:
                with pytest.raises(httpx.HTTPError):
                    frida.answer(asked)

            thread = threading.Thread(target=answer)
            thread.start()
            until(lambda: b"challenge.passed" in b"".join(house.server.leaves()) or None, "the held success")
            house.server.kill()
            thread.join()
        house.server.start()
        with house.server.client(house.key) as http:
            last = [json.loads(leaf)["kind"] for leaf in house.server.leaves()]
            assert last.count("challenge.withheld") == 1
            frida.http = http
            frida.home = Browser(http, "198.51.100.6", FIREFOX, "frida-laptop")
            assert frida.transfer()["decision"] == "step_up"
        assert house.server.stop() == 0
        check_log(house.server.data)
    finally:
        house.close()


def test_a_policy_that_cannot_mean_what_it_says_stops_the_start(tmp_path: Path) -> None:
    """The log vouching for itself, one witness twice, nobody to ask, and a quorum of nobody."""
    server = Server(tmp_path / "data")
    server.make_key()
    own = (server.data / "keys" / "ledger.vkey").read_text().splitlines()
    cosigner = next(line for line in own if line[0] != "#" and line.split("+", 2)[2].startswith("B"))
    one, two = (WitnessProcess(tmp_path / name) for name in ("w1", "w2"))
    for policy, words in (
        (f"witness a {cosigner} https://a.example\nquorum a\n", "vouches for themselves"),
        (
            f"witness a {one.vkey(0)} https://a.example\nwitness b {one.vkey(1)} https://b.example\n"
            "group both all a b\nquorum both\n",
            "count twice",
        ),
        (
            f"witness a {one.vkey(0)} https://a.example\nwitness b {two.vkey(0)} https://a.example/\n"
            "group both all a b\nquorum both\n",
            "count twice",
        ),
        (f"witness a {one.vkey(0)}\nquorum a\n", "no address"),
        (f"witness a {one.vkey(0)} http://a.example\nquorum a\n", "not encrypted"),
        ("quorum none\n", "needs nobody"),
        (f"witness a {one.vkey(0)} https://a.example\n", "quorum"),
    ):
        (server.data / "witnesses.policy").write_text(policy)
        (server.data / "stepwarden.toml").write_text(SETTINGS.format(timeout=1))
        done = run_inside("keys", "list", "--data", server.data)
        assert done.returncode == 1, policy
        assert words in " ".join(done.stderr.split()), done.stderr


def test_a_witness_refuses_to_begin_again_where_it_has_signed(tmp_path: Path) -> None:
    """Keys without their memory, or a memory without its keys, are not completed with new ones."""
    witness = WitnessProcess(tmp_path / "w")
    witness.vkey()
    memory = tmp_path / "w" / "witness.db"
    kept = memory.read_bytes()
    memory.unlink()
    done = run_inside("witness", "vkey", "--data", tmp_path / "w")
    assert done.returncode == 1
    assert "would sign another past" in " ".join(done.stderr.split())
    assert not memory.exists()
    memory.write_bytes(kept)
    (tmp_path / "w" / "keys" / "witness.key").unlink()
    done = run_inside("witness", "vkey", "--data", tmp_path / "w")
    assert done.returncode == 1
    assert "restore the key" in " ".join(done.stderr.split())


def test_witness_commands_add_and_list_logs(tmp_path: Path) -> None:
    """A key on the command line, a file of keys, the same again, and what is no key."""
    server = Server(tmp_path / "data")
    server.make_key()
    keys = server.data / "keys" / "ledger.vkey"
    first = next(line for line in keys.read_text().splitlines() if line and not line.startswith("#"))
    data = tmp_path / "w"
    added = run_inside("witness", "add-log", "--data", data, "--vkey", first)
    assert added.returncode == 0, added.stderr
    assert added.stdout.startswith("following ")
    again = run_inside("witness", "add-log", "--data", data, "--vkey", keys)
    assert "already following" in again.stdout
    wrong = run_inside("witness", "add-log", "--data", data, "--vkey", first + "A")
    assert wrong.returncode == 1
    listed = run_inside("witness", "list", "--data", data)
    assert first.partition("+")[0] in listed.stdout
    dropped = [run_inside("witness", "drop-log", "--data", data, "--vkey", first) for _ in range(2)]
    assert [done.returncode for done in dropped] == [0, 1]
    assert (data / "keys" / "witness.key").stat().st_mode & 0o077 == 0
