"""An operator changes a policy with care: draft, test, shadow, canary, promotion, rollback; and an emergency."""

import re
from pathlib import Path

from tests.stories.asking import send
from tests.stories.running import Server, check_log, run_inside, words

PEOPLE = [f"person{number}" for number in range(12)]


def stricter(text: str) -> str:
    """The shipped policy, but signing in takes two factors."""
    found = re.sub(r"^  login: {.*}$", "  login: {sensitivity: 1, demand: aal2}", text, flags=re.M)
    assert found != text
    return found.replace("name: default", "name: stricter", 1)


CASES = """\
cases:
  - name: signing in takes a code
    facts: {action: login, address_kind: residential}
    signals: {actor_logins: 30}
    expect: {decision: step_up, demand: aal2}
"""


def test_a_policy_goes_its_whole_life_and_the_log_tells_all_of_it(tmp_path: Path) -> None:
    """Nothing changes for anybody until the canary, and all of it is back after one command."""
    server = Server(tmp_path / "data")
    data = ("--data", str(server.data))
    key = server.make_key("decide,report", name="app")
    file = tmp_path / "stricter.yaml"

    def policy(*arguments: str, fails: bool = False) -> str:
        done = run_inside("policy", *arguments, *data)
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return words(done.stdout + done.stderr)

    def asked() -> list[str]:
        with server.client(key) as http:
            answers = [send(http, "/v1/attempts", {"action": "login", "actor": who}) for who in PEOPLE]
        return [f"{one['policy'][:6]} {one['decision']}" for one in answers]

    with server:
        file.write_text(stricter((server.data / "policy.yaml").read_text()))
        file.with_suffix(".cases.yaml").write_text(CASES)
        assert "actions: login: demand none" in policy("diff", "live", str(file), fails=True)
        drafted = policy("draft", str(file))
        mine = drafted.removeprefix("draft: ")[:6]
        live = asked()[0][:6]
        assert "1 of 1 cases pass" in policy("test", str(file), "--record")
        policy("canary", "50%", mine, "--reason", "too early", fails=True)
        policy("shadow", mine, "--reason", "see what it would do")
        assert asked() == [f"{live} allow"] * len(PEOPLE)
        told = policy("results")
        assert f"{len(PEOPLE)} attempts, 0 decided by the canary" in told
        assert f"asks for more: {len(PEOPLE)}; for less: 0" in told
        policy("canary", "50%", "--reason", "half of them")
        tried = asked()
        assert set(tried) == {f"{live} allow", f"{mine} step_up"}
        policy("promote", "--reason", "nobody complained")
        assert asked() == [f"{mine} step_up"] * len(PEOPLE)
        policy("rollback", "--reason", "somebody did")
        assert asked() == [f"{live} allow"] * len(PEOPLE)
        policy("promote", mine, "--reason", "once more", "--force", "it was only one", fails=True)

        assert "every demand is raised" in policy("emergency", "on", "--reason", "passwords were stolen")
        assert asked() == [f"{live} step_up"] * len(PEOPLE)
        server.kill()
        server.start()
        assert asked() == [f"{live} step_up"] * len(PEOPLE), "a crash has ended the emergency"
        assert "EMERGENCY" in policy("list")
        policy("emergency", "off", "--reason", "they are changed")
        assert asked() == [f"{live} allow"] * len(PEOPLE)
        assert server.stop() == 0
    shown = policy("show", mine)
    for step in ("draft", "tested", "shadow", "canary 50%", "promoted"):
        assert step in shown
    assert "command" in shown
    assert "nobody complained" in shown
    check_log(server.data)


def test_attack_nobody_takes_a_step_or_ends_an_emergency_without_administer(tmp_path: Path) -> None:
    """A key that decides, reports, reads or audits is refused; it can look, if it may read."""
    with Server(tmp_path / "data") as server:
        admin = server.make_key("administer", name="admin")
        text = stricter((server.data / "policy.yaml").read_text())
        with server.client(admin) as http:
            send(http, "/v1/policies", {"text": text})
            send(http, "/v1/emergency", {"on": True, "reason": "incident 12"})
            assert http.get("/v1/policies").status_code == 403
        for scope in ("decide", "report", "read", "audit"):
            with server.client(server.make_key(scope, name=scope)) as http:
                steps = [
                    ("/v1/policies", {"text": text + "# mine\n"}),
                    ("/v1/policies/live/steps", {"step": "rollback", "reason": "x"}),
                    ("/v1/policies/live/steps", {"step": "promote", "force": "x", "reason": "x"}),
                    ("/v1/emergency", {"on": False, "reason": "x"}),
                ]
                for path, body in steps:
                    assert http.post(path, json=body).status_code == 403
                seen = http.get("/v1/policies")
                assert seen.status_code == (200 if scope in ("read", "audit") else 403)
                if seen.status_code == 200:
                    assert seen.json()["emergency"]["reason"] == "incident 12"
                    assert http.get("/readyz").json() == {"status": "ok", "emergency": True}
                    assert "stepwarden_emergency 1" in http.get("/metrics").text
                    drafts = [one for one in seen.json()["policies"] if one["stage"] == "draft"]
                    found = http.get(f"/v1/policies/{drafts[0]['policy'][:12]}").json()
                    assert found["text"] == text
                else:
                    assert http.get("/readyz").json() == {"status": "ok"}
        with server.client(admin) as http:
            refused = http.post(
                "/v1/policies/live/steps", json={"step": "canary", "percent": 10.001, "reason": "x"}
            )
            assert refused.status_code == 422
            assert (
                http.post("/v1/policies/live/steps", json={"step": "retired", "reason": "x"}).status_code
                == 409
            )
            send(http, "/v1/emergency", {"on": False, "reason": "over"})
        assert server.stop() == 0
    check_log(server.data)
