"""The demonstration's parts on their own: bounds of attackers, history, codes, the screen, starting and stopping."""

import asyncio
import contextlib
import io
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from demo import history
from demo.__main__ import main
from demo.attacks import ATTACKS
from demo.attacks.attacker import MOST_ATTEMPTS, Attacker, Loot, Over
from demo.bank.democodes import Phone
from demo.bank.feed import Line
from demo.browser import Browser, Page
from demo.people import BY_USER, PEOPLE
from demo.phones import Authenticators
from demo.processes import Child, DemoError, free_port
from demo.screen import Screen, Tally
from demo.show import MARK, prepare

NOW = datetime(2026, 5, 4, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "url",
    [
        "http://203.0.113.5:8000",
        "https://10.0.0.1",
        "http://[2001:db8::1]:80",
        "http://localhost.example",
        "http://bank.example",
        "http:///x",
    ],
)
def test_attackers_touch_nothing_but_the_loopback_interface(url: str) -> None:
    """A browser for any other address cannot be made."""
    with pytest.raises(ValueError, match="loopback"):
        Browser(url, address="198.51.100.1", agent="Test/1")


class Deaf(Attacker):
    """An attacker at a bank that always asks for the password again."""

    def browser(self, address: str = "", agent: str = "", device: str = "") -> Browser:
        return NoBrowser(self.bank, address="198.51.100.1", agent="Test/1")


class NoBrowser(Browser):
    async def open(self, path: str) -> Page:
        return Page("sign_in", 200, "")

    async def submit(self, path: str, **fields: str) -> Page:
        return Page("sign_in", 401, "")


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_every_attack_ends_by_itself(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a bank that gives nothing away, each attack stops within its bound and achieves nothing."""
    monkeypatch.setattr("demo.attacks.session_theft.Browser", NoBrowser)
    for module in ("takeover", "bulk_export", "session_theft"):
        monkeypatch.setattr(f"demo.attacks.{module}.PAUSE", 0.0)

    async def run() -> Attacker:
        me = Deaf("http://127.0.0.1:1", name=name, seconds=30, seed=1)
        await ATTACKS[name].run(me)
        return me

    me = asyncio.run(run())
    assert me.attempts <= MOST_ATTEMPTS
    assert me.loot.words() == ["nothing"]


def test_an_attack_stops_when_its_time_is_up() -> None:
    """``count`` refuses both after the last attempt and after the last second."""

    async def run() -> None:
        late = Attacker("http://127.0.0.1:1", name="x", seconds=-1, seed=1)
        with pytest.raises(Over):
            late.count()
        many = Attacker("http://127.0.0.1:1", name="x", seconds=60, seed=1)
        for _ in range(MOST_ATTEMPTS):
            many.count()
        with pytest.raises(Over):
            many.count()

    asyncio.run(run())


def test_loot_is_told_in_words() -> None:
    """What the attacker got, one line each."""
    loot = Loot(accounts={"ivan", "grace"}, balances={"ivan"}, cents=90_000, customers=15)
    assert loot.words() == [
        "entered 2 account(s): grace, ivan",
        "saw 1 balance(s)",
        "moved 900.00 €",
        "exported the data of 15 customers",
    ]


def test_history_is_ordered_past_and_the_same_for_a_seed() -> None:
    """Events lie within the last month and a bit, in order, and everybody has enough of a past."""
    events = history.make(PEOPLE, NOW, 7)
    assert events == history.make(PEOPLE, NOW, 7)
    assert events != history.make(PEOPLE, NOW, 8)
    times = [datetime.fromisoformat(event.time) for event in events]
    assert times == sorted(times)
    assert all(0 < (NOW - t).total_seconds() < 31 * 86_400 for t in times)
    for person in PEOPLE:
        good = [
            e for e in events if e.actor == person.user and e.action == "login" and e.outcome == "success"
        ]
        assert len(good) >= 12
        assert {e.device["id"] for e in good} == {person.device("desk"), person.device("phone")}


def test_people_have_their_own_addresses_and_devices() -> None:
    """No two people share a home, a device or a name."""
    assert len(BY_USER) == len(PEOPLE)
    played = [p for p in PEOPLE if p.played]
    assert len({address for p in played for address in (p.home, p.work, p.mobile)}) == 3 * len(played)
    assert len({p.device(kind) for p in PEOPLE for kind in ("desk", "phone")}) == 2 * len(PEOPLE)


def test_an_authenticator_gives_no_code_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second code within a half minute is the next one, and has to be waited for."""
    secret = pyotp.random_base32()
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("demo.phones.asyncio.sleep", sleep)
    monkeypatch.setattr("demo.phones.time.time", lambda: 3000.0)

    async def run() -> list[str]:
        phones = Authenticators({"alice": Phone(secret=secret)})
        return [await phones.next_code("alice") for _ in range(3)]

    codes = asyncio.run(run())
    assert codes == [pyotp.TOTP(secret).at(moment) for moment in (3000, 3030, 3060)]
    assert [round(seconds) for seconds in waited] == [0, 30, 60]


@given(st.lists(st.builds(Line, actor=st.just("a"), action=st.just("x"), address=st.just(""),
                          decision=st.sampled_from(["allow", "step_up", "deny"]), again=st.booleans())))  # fmt: skip
def test_every_attempt_is_counted_once(lines: list[Line]) -> None:
    """Allowed, stepped up and denied add up to the attempts; a retry with a grant is no new attempt."""
    tally = Tally()
    for line in lines:
        tally.add(line)
    assert tally.allow + tally.step_up + tally.deny == tally.attempts == sum(not line.again for line in lines)


def test_without_a_terminal_the_screen_prints_plain_lines() -> None:
    """One line per decision, with label, answer, risk and reasons, and nothing interpreted as markup."""
    out = io.StringIO()
    line = Line(
        actor="[bold]x",
        action="login",
        address="a",
        label="stuffing",
        decision="deny",
        risk=0.5,
        reasons=("why",),
    )
    with Screen(Console(file=out, force_terminal=False, width=40), "stuffing") as screen:
        screen.show(line)
        screen.show(Line(actor="b", action="transfer", address="c", step="passed", how="a passkey"))
        screen.show(Line(actor="b", action="transfer", address="c", step="denied"))
        screen.show(Line(actor="b", action="security", address="", step="enrolled", how="a passkey"))
    assert out.getvalue().splitlines() == [
        "[stuffing] [bold]x login from a: denied risk 50%: why",
        "b transfer from c: passed with a passkey",
        "b transfer from c: this wasn't me: it is over, and the next attempts on this account are trusted less",
        "b security: added a passkey",
    ]


def test_on_a_terminal_the_screen_is_a_live_table() -> None:
    """The table shows the decision and the counts."""
    out = io.StringIO()
    line = Line(
        actor="alice", action="login", address="192.0.2.1", decision="step_up", risk=0.5, reasons=("why",)
    )
    with Screen(Console(file=out, force_terminal=True, width=140), "") as screen:
        screen.show(line)
    assert "step-up" in out.getvalue()
    assert "stepped up 1" in out.getvalue()


def test_only_the_demonstrations_own_data_is_deleted(tmp_path: Path) -> None:
    """A directory with other things in it is left alone; our own is made fresh, or kept."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "thesis.txt").write_text("precious")
    with pytest.raises(DemoError, match="choose another"):
        prepare(theirs, keep=False)
    assert (theirs / "thesis.txt").exists()
    ours = tmp_path / "ours"
    prepare(ours, keep=False)
    assert (ours / MARK).exists()
    (ours / "old").touch()
    prepare(ours, keep=True)
    assert (ours / "old").exists()
    prepare(ours, keep=False)
    assert not (ours / "old").exists()


def test_a_taken_port_is_replaced_by_a_free_one() -> None:
    """Another service on the port is no reason not to start."""
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        assert free_port(taken) != taken


@pytest.mark.parametrize("manners", ["", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "])
def test_children_are_stopped_even_if_they_do_not_want_to(
    tmp_path: Path, manners: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked first, then killed; a child that ends while starting is reported with the end of its log."""
    real_wait_for = asyncio.wait_for
    monkeypatch.setattr(
        "demo.processes.asyncio.wait_for", lambda task, seconds: real_wait_for(task, min(seconds, 0.5))
    )

    async def run() -> None:
        code = f"{manners}import time; print('up', flush=True); time.sleep(60)"
        child = await Child.start("x", [sys.executable, "-c", code], log=tmp_path / "log", environment={})
        for _ in range(1000):
            if "up" in child.end_of_log():
                break
            await asyncio.sleep(0.02)
        await child.stop()
        assert child.process.returncode is not None
        with contextlib.suppress(DemoError):
            await child.wait_ready("http://127.0.0.1:1", 1)
            pytest.fail("an ended child is not ready")

    asyncio.run(run())


def test_asking_for_the_code_of_nobody_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``python -m demo code`` without a running demonstration is an error with a hint."""
    assert main(["code", "alice", "--data", str(tmp_path)]) == 1
    assert "is the demonstration running?" in capsys.readouterr().err
