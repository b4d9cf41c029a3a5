"""A person asks what is held about them, and to be forgotten: the commands, the API, and the files afterwards."""

import json
from pathlib import Path

from tests.stories.asking import FIREFOX, Browser, entries, fetch, send
from tests.stories.running import Server, check_log, run, run_inside, words

WHO, WHERE, AGENT = "olga-n4Vw", "198.51.100.211", "Iceweasel/3-Olgas"


def holding(data: Path, *texts: str) -> list[tuple[str, str]]:
    """Which files hold which of these texts."""
    return [
        (path.name, text)
        for path in data.rglob("*")
        if path.is_file()
        for text in texts
        if text.encode() in path.read_bytes()
    ]


def test_a_person_is_told_everything_and_then_forgotten(tmp_path: Path) -> None:
    """Export, check, a changed file, erasure, a second one; by command and by API; running, stopped, started again."""
    out = tmp_path / "olga.json"
    with Server(tmp_path / "data", STEPWARDEN_ADDRESSES_BUILTIN="false") as server:
        data, vkey = server.data, tmp_path / "kept.vkey"
        vkey.write_bytes((data / "keys" / "ledger.vkey").read_bytes())
        key = server.make_key()
        with server.client(key) as http:
            home = Browser(http, WHERE, AGENT, "olgas-laptop")
            home.sign_in(WHO, "olgas-session")
            for page in range(30):
                home.ask("page.read", WHO, session="olgas-session", resource=f"/olgas/{page}")
            Browser(http, WHERE, FIREFOX, "other").sign_in("pia", "pias-session")
            secret = send(http, f"/v1/actors/{WHO}/factors/totp", {"attempt": ""})["secret"]

            made = run_inside("subject", "export", WHO, "--data", data, "--out", out, "--reason", "request 9")
            assert made.returncode == 0, made.stderr
            assert "31 attempt.decided" in words(made.stderr)
            assert out.stat().st_mode & 0o077 == 0
            held = json.loads(out.read_text())
            assert held["count"] == len(held["entries"]) == 33
            assert held["factors"][0]["factor"] == "totp"
            assert secret not in out.read_text()
            checked = run_inside("subject", "check", out, "--vkey", vkey)
            assert checked.returncode == 0, checked.stderr
            assert "33 entries" in checked.stdout
            over_http = http.get(f"/v1/actors/{WHO}/export").json()
            assert [each["leaf"] for each in over_http["entries"]] == [
                each["leaf"] for each in held["entries"]
            ]
            out.write_text(out.read_text().replace("/olgas/7", "/olgas/8"))
            changed = run_inside("subject", "check", out, "--vkey", vkey)
            assert changed.returncode == 1
            assert "DOES NOT HOLD" in changed.stderr
            out.unlink()

            why = ("--reason", "request 9", "--yes")
            done = run_inside("subject", "erase", WHO, "--data", data, *why)
            assert done.returncode == 0, done.stderr
            assert "personal fields of 32 entries and 1 secrets" in words(done.stdout)
            assert holding(data, WHO, AGENT, "/olgas/", "olgas-session", "olgas-laptop") == []
            again = run_inside("subject", "erase", WHO, "--data", data, *why)
            assert again.returncode == 1
            assert "erased already" in words(again.stderr)
            send(http, f"/v1/actors/{WHO}/erase", {"reason": "request 9"}, status=404)
            assert fetch(http, "/v1/log/entries", actor=WHO)["entries"] == []
            assert len(fetch(http, "/v1/log/entries", actor="pia")["entries"]) == 2
            send(http, "/v1/actors/pia/erase", {"reason": "request 10"})
            told = [e["action"] for e in entries(http, kind="administration") if e["action"] != "log.query"]
            assert told.count("subject.export") == 2
            assert told.count("subject.erase") == told.count("subject.erase.done") == 2
        assert server.stop() == 0
        assert holding(data, WHO, AGENT, "/olgas/", "olgas-session", "pia") == []
        check_log(data)
        server.start()
        with server.client(key) as http:
            answer = send(http, "/v1/attempts", {"action": "login", "actor": WHO, "ip": WHERE})
            assert answer["decision"] in ("allow", "step_up")
        assert server.stop() == 0
        late = run_inside("subject", "export", WHO, "--data", data, "--out", out)
        assert late.returncode == 0, late.stderr
        assert json.loads(out.read_text())["count"] in (1, 2)
    assert not list(tmp_path.glob(".olga*"))


def test_nothing_is_erased_without_a_yes(tmp_path: Path) -> None:
    """Asked and not answered, or without a reason: the command does nothing, and says so."""
    data = tmp_path / "data"
    unanswered = run("subject", "erase", "quin", "--data", data, "--reason", "x")
    assert unanswered.returncode == 1
    assert "Erase quin?" in unanswered.stdout + unanswered.stderr
    unreasoned = run("subject", "erase", "quin", "--data", data, "--yes")
    assert unreasoned.returncode == 2
    assert not data.exists()


def test_who_lost_everything_is_helped_by_an_operator(tmp_path: Path) -> None:
    """Factors are taken away with a reason, sessions ended, and what is enrolled next is a first factor again."""
    with Server(tmp_path / "data", STEPWARDEN_ADDRESSES_BUILTIN="false") as server:
        key = server.make_key()
        with server.client(key) as http:
            home = Browser(http, WHERE, AGENT, "olgas-laptop")
            home.sign_in(WHO, "olgas-session")
            send(http, f"/v1/actors/{WHO}/factors/totp", {"attempt": ""})
            refused = http.post(f"/v1/actors/{WHO}/factors/totp", json={"attempt": ""})
            assert refused.status_code == 403
            named = run_inside(
                "subject", "reset-factors", WHO, "--data", server.data, "--yes", "--reason", f"{WHO} called"
            )
            assert named.returncode == 1
            why = ("--reason", "ticket 4711: identity checked at the desk")
            done = run_inside("subject", "reset-factors", WHO, "--data", server.data, "--yes", *why)
            assert done.returncode == 0, done.stderr
            assert "1 factors" in done.stdout
            send(http, f"/v1/actors/{WHO}/factors/totp", {"attempt": ""})
            over = run_inside("subject", "end-sessions", WHO, "--data", server.data, *why)
            assert over.returncode == 0, over.stderr
            assert home.ask("page.read", WHO, session="olgas-session")["decision"] == "deny"
    check_log(server.data)
