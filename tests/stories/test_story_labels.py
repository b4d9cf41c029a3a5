"""An analyst's day: look at what led to an attempt, and say what it was, whether the service runs or not."""

import json
from pathlib import Path

from stepwarden.events.encoding import decode
from stepwarden.events.entries import LabelApplied
from tests.stories.asking import send
from tests.stories.running import Server, check_log, run, words


def test_a_label_file_goes_into_the_log_and_the_trace_shows_it(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    data = ("--data", str(server.data))
    key = server.make_key("decide,report", name="app")
    file = tmp_path / "labels.csv"
    with server:
        with server.client(key) as http:
            ids = []
            for number in range(4):
                answer = send(
                    http, "/v1/attempts", {"action": "login", "actor": f"u{number}", "ip": "198.51.100.7"}
                )
                ids.append(answer["id"])
                send(http, f"/v1/attempts/{answer['id']}/outcome", {"outcome": "failure"})
        file.write_text(f"attempt,label,reliability\n{ids[0]},attack,95\n{ids[1].split('-')[0]},benign,70\n")
        done = run("lab", "label", str(file), *data, "--source", "tickets")
        assert (done.returncode, done.stdout.strip()) == (0, "2 attempts labelled")
        traced = run("lab", "trace", ids[3], *data)
        assert traced.returncode == 0
        assert "labelled attack" in words(traced.stdout)
    again = run("lab", "label", ids[2], "attack", *data)
    assert again.stdout.strip() == "1 attempt labelled"
    wrong = run("lab", "label", ids[2], "perhaps", *data)
    assert (wrong.returncode, "attack or benign" in words(wrong.stderr)) == (1, True)
    found = [entry for entry in map(decode, server.leaves()) if isinstance(entry, LabelApplied)]
    assert [(one.label, one.source, one.reliability) for one in found] == [
        ("attack", "tickets", 95),
        ("benign", "tickets", 70),
        ("attack", "analyst", 90),
    ]
    page = tmp_path / "trace.html"
    plain = run("lab", "trace", ids[3], *data, "--json", "--graph", str(page))
    assert [link["label"] for link in json.loads(plain.stdout)["links"] if link["label"]]
    assert "<svg" in page.read_text()
    check_log(server.data)
