"""The demonstration from start to end: children, people, attacker, screen.

Order of starting: key, Stepwarden, history and enrolment through its API, the bank, people, and after some calm
seconds the attacker. Order of stopping: the reverse. Whatever happens, no child is left behind.
"""

import asyncio
import contextlib
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from demo import traffic
from demo.attacks import ATTACKS
from demo.attacks.attacker import Attacker, Loot
from demo.bank.feed import Line
from demo.enrolment import enrol
from demo.logtail import Reader, follow
from demo.people import PEOPLE
from demo.phones import Authenticators
from demo.policy import policy_text
from demo.processes import Child, DemoError, create_key, free_port, stepwarden_command, verified
from demo.screen import Screen, Tally

PHONES = "phones.json"
MARK = ".stepwarden-demo"
CALM = 8.0
LONGEST_ATTACK = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says. ``seconds`` 0: until Ctrl-C."""

    attack: str
    seconds: float
    traffic: bool
    keep: bool
    data: Path
    port: int
    seed: int
    pace: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Called "localhost" because browsers know no passkeys for an address; ``api`` is for programs."""

    api: str
    stepwarden: str
    bank: str


def prepare(data: Path, *, keep: bool) -> None:
    """An empty directory, or the kept one. Deletes only what an earlier demonstration made."""
    if data.exists() and not keep:
        if any(data.iterdir()) and not (data / MARK).exists():
            raise DemoError(f"{data} holds something that is not a demonstration's: choose another --data")
        shutil.rmtree(data)
    (data / "log").mkdir(parents=True, exist_ok=True)
    if not (policy := data / "log" / "policy.yaml").exists():
        policy.write_text(policy_text(), encoding="utf-8")
    (data / MARK).touch()


class Show:
    """One run. ``children`` are stopped in the reverse order of their start."""

    def __init__(self, options: Options, console: Console) -> None:
        self._options = options
        self._console = console
        self._children: list[Child] = []
        self._stop = asyncio.Event()
        self._starting = True

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        work = asyncio.create_task(self._run())

        def asked_to_stop() -> None:
            self._stop.set()
            if self._starting:
                work.cancel()

        for sign in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(sign, asked_to_stop)
        try:
            await work
        except asyncio.CancelledError:
            if not self._stop.is_set():
                raise
        finally:
            for child in reversed(self._children):
                await child.stop()
            if not self._starting:
                self._console.print(await verified(self._options.data / "log"), markup=False)
            self._console.print("Stopped.")

    async def _run(self) -> None:
        options = self._options
        prepare(options.data, keep=options.keep)
        self._console.print("Starting Stepwarden and Acme Bank ...")
        key = await create_key(options.data / "log")
        port = free_port(8700)
        addresses = Addresses(
            api=f"http://127.0.0.1:{port}",
            stepwarden=f"http://localhost:{port}",
            bank=f"http://localhost:{free_port(options.port)}",
        )
        stepwarden = await self._start_stepwarden(addresses)
        bank = await self._start_bank(addresses, key)
        await stepwarden.wait_ready(f"{addresses.api}/readyz", 60)
        self._console.print("Giving the bank's people thirty days of history and an authenticator each ...")
        phones = await asyncio.to_thread(enrol, addresses.api, key, options.data / PHONES, options.seed)
        await bank.wait_ready(f"{addresses.bank}/sign-in", 60)
        self._starting = False
        self._console.print(box(addresses, options))
        with Screen(self._console, options.attack) as screen:
            try:
                async with asyncio.TaskGroup() as group:
                    reader = Reader()
                    tasks = [
                        group.create_task(_read_feed(bank, screen, reader)),
                        group.create_task(follow(addresses.api, reader, screen.show)),
                    ]
                    if options.traffic:
                        played = [person for person in PEOPLE if person.played]
                        people = traffic.live(
                            played,
                            addresses.bank,
                            Authenticators(phones),
                            seed=options.seed,
                            pace=options.pace,
                        )
                        tasks.append(group.create_task(people))
                    if options.attack:
                        tasks.append(group.create_task(self._attack(addresses.bank, screen)))
                    tasks += [group.create_task(self._watch(child)) for child in self._children]
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._stop.wait(), options.seconds or None)
                    for task in tasks:
                        task.cancel()
            except* DemoError as group_error:
                raise group_error.exceptions[0] from None

    async def _start_stepwarden(self, addresses: Addresses) -> Child:
        options = self._options
        port = addresses.stepwarden.rsplit(":", 1)[1]
        child = await Child.start(
            "stepwarden",
            [*stepwarden_command(), "serve", "--data", str(options.data / "log"), "--port", port],
            log=options.data / "stepwarden.log",
            environment={
                # The bank's own reverse proxy, so to speak: people's addresses come in X-Forwarded-For.
                "STEPWARDEN_SERVER_TRUSTED_PROXIES": "127.0.0.1/32",
                "STEPWARDEN_SERVER_PUBLIC_URL": addresses.stepwarden,
                "STEPWARDEN_PAGES_APPS": addresses.bank,
                "STEPWARDEN_ISSUER": "Acme Bank",
                # For the screen, which follows the log; see ``logtail``.
                "STEPWARDEN_LOG_READERS": "all",
                "STEPWARDEN_WITNESSES_SECONDS": "0.3",
            },
        )
        self._children.append(child)
        return child

    async def _start_bank(self, addresses: Addresses, key: str) -> Child:
        port = addresses.bank.rsplit(":", 1)[1]
        command = [sys.executable, "-m", "demo.bank", "--port", port, "--stepwarden", addresses.api]
        command += ["--pages", addresses.stepwarden]
        child = await Child.start(
            "bank",
            [*command, "--codes", str(self._options.data / PHONES)],
            log=self._options.data / "bank.log",
            environment={"STEPWARDEN_KEY": key},
            read_output=True,
        )
        self._children.append(child)
        return child

    async def _watch(self, child: Child) -> None:
        await child.process.wait()
        if not self._stop.is_set():
            raise DemoError(f"{child.name} ended.{child.end_of_log()}")

    async def _attack(self, bank: str, screen: Screen) -> None:
        attack = ATTACKS[self._options.attack]
        seconds = self._options.seconds
        calm = min(CALM, seconds * 0.3) if seconds else CALM
        await asyncio.sleep(calm)
        longest = max(1.0, seconds - calm - 3) if seconds else LONGEST_ATTACK
        screen.say(f"\nThe attack begins: {attack.name} ({attack.technique}). {attack.story}\n", "bold red")
        attacker = Attacker(bank, name=attack.name, seconds=longest, seed=self._options.seed)
        try:
            await asyncio.wait_for(attack.run(attacker), longest + 1)
        except TimeoutError:
            screen.say("The attacker's time is up.")
        except httpx.HTTPError as exc:
            screen.say(f"The attacker gives up: {type(exc).__name__}.")
        await asyncio.sleep(0.3)
        self._summary(screen, attacker.loot)
        if seconds:
            self._stop.set()
        else:
            screen.say("People go on. Try the bank yourself, or press Ctrl-C to stop.")

    def _summary(self, screen: Screen, loot: Loot) -> None:
        attack = ATTACKS[self._options.attack]
        screen.say(f"\nSummary of the attack: {attack.name} ({attack.technique})", "bold")
        screen.say(f"  attacker   {screen.tallies.get(attack.name, Tally()).words()}")
        for line in loot.words():
            screen.say(f"  achieved   {line}")
        screen.say(f"  people     {screen.tallies[''].words()}\n")


async def _read_feed(bank: Child, screen: Screen, reader: Reader) -> None:
    out = bank.process.stdout
    while out is not None and (raw := await out.readline()):
        line = msgspec.json.decode(raw, type=Line)
        reader.decided(line)
        screen.show(line)


def box(addresses: Addresses, options: Options) -> Panel:
    """Where everything is, who can sign in, and what to try."""
    table = Table.grid(padding=(0, 2))
    table.add_row("Acme Bank", addresses.bank)
    table.add_row("One-time codes", f"{addresses.bank}/demo/codes   or   .venv/bin/python -m demo code alice")
    table.add_row("Stepwarden", f"{addresses.stepwarden}/docs")
    table.add_row("", "")
    for person in PEOPLE:
        if not person.played:
            table.add_row(f"  {person.user}", f"password {person.password}   ({person.role})")
    others = ", ".join(person.user for person in PEOPLE if person.played)
    table.add_row("  others", f"{others} (played by the traffic)")
    table.add_row("", "")
    table.add_row(
        "Try", "1. Sign in as alice: a device never seen, so Stepwarden's page asks for a code, and says why."
    )
    table.add_row("", "2. Security: add a passkey. Sign out and in again: nothing is asked now.")
    table.add_row("", "3. Send money: a window asks for exactly that amount and payee. Use the passkey.")
    table.add_row("", "4. Send money again, and say there that it was not you. Then try once more.")
    table.add_row("", "5. Type a wrong password three times, then the right one.")
    table.add_row("", "6. As erin, export all customers.")
    table.add_row("", "7. Let an attacker in: make demo ATTACK=stuffing")
    table.add_row("", f"   or {', '.join(name for name in ATTACKS if name != 'stuffing')}")
    table.add_row("", "")
    table.add_row("Data", str(options.data))
    table.add_row("End", "Ctrl-C stops everything")
    return Panel(table, title="Stepwarden demonstration", expand=False)
