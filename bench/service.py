"""Decisions over HTTP: a real server process, a real socket, authenticated, with look-ups, durable before answered.

The load comes from ``wrk`` on the same machine, so both share its cores. Beside the figures stands a bare server: the
same listener with a handler that answers 200 to everything. Beside that stands uvicorn with such a handler.
"""

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench.table import Row

SECONDS = 8
PEOPLE = 2_000
BODIES = 8_000
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1",
)
TICKS = os.sysconf("SC_CLK_TCK")
LUA = """
local bodies = {}
for line in io.lines("%s") do bodies[#bodies + 1] = line end
local next = math.random(#bodies)
local threads = 0
function setup(thread) thread:set("seed", threads); threads = threads + 1 end
function init(args) math.randomseed(seed + 1); next = math.random(#bodies) end
local headers = {["Content-Type"] = "application/json", ["Authorization"] = "Bearer %s"}
function request()
  next = next %% #bodies + 1
  return wrk.format("POST", "/v1/attempts", headers, bodies[next])
end
function done(summary, latency, requests)
  io.write(string.format('{"requests":%%d,"us":%%d,"p50":%%d,"p99":%%d,"bad":%%d,"errors":%%d}\\n', summary.requests,
    summary.duration, latency:percentile(50), latency:percentile(99), summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
"""


def bodies() -> Iterator[str]:
    """Attempts of people with two addresses and two agents each."""
    chance = random.Random(1)
    for _ in range(BODIES):
        person = chance.randrange(PEOPLE)
        home = chance.random() < 0.8
        yield json.dumps(
            {
                "action": chance.choice(["login", "login", "balance.read", "transfer", "profile.view"]),
                "actor": f"person-{person}",
                "session": f"session-{person}-{chance.randrange(4)}",
                "ip": f"{81 + person % 12}.{person % 200}.{person // 200}.{10 if home else 20}",
                "user_agent": AGENTS[person % 4 if home else (person + 1) % 4],
                "device": {"id": f"device-{person}-{int(home)}"},
                "resource": f"account/{person}",
                "proved": ["pwd"],
            }
        )


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Until it answers 200."""
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError("the server did not become ready")


@contextmanager
def stepwarden(data: Path) -> Iterator[tuple[str, str, int]]:
    """A running server: its URL, a key with all scopes and its process id."""
    command = [sys.executable, "-m", "stepwarden.cli.main"]
    made = subprocess.run(
        [
            *command,
            "keys",
            "create",
            "--data",
            data,
            "--name",
            "bench",
            "--scopes",
            "decide,report,read,administer",
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    port = free_port()
    process = subprocess.Popen(
        [*command, "serve", "--data", data, "--port", str(port)], stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(url + "/readyz", process)
        yield url, made.stdout.strip(), process.pid
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def bare(*kind: str) -> Iterator[tuple[str, int]]:
    """A server with a handler that does nothing: our listener, or the one that is named."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.bare", str(port), *kind])
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(url, process)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(30)


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


class Load:
    """``wrk`` against one URL."""

    def __init__(self, folder: Path, url: str, key: str) -> None:
        lines = folder / "bodies.ndjson"
        if not lines.exists():
            lines.write_text("\n".join(bodies()) + "\n")
        self._script = folder / f"load-{key[-4:]}.lua"
        self._script.write_text(LUA % (lines, key))
        self._url = url

    def run(self, connections: int, seconds: int = SECONDS) -> dict[str, float]:
        """Requests per second, p50 and p99 in ms, answers other than 2xx/3xx, errors."""
        threads = 1 if connections == 1 else 2
        command = [
            "wrk",
            "-t",
            str(threads),
            "-c",
            str(connections),
            "-d",
            f"{seconds}s",
            "-s",
            self._script,
            self._url,
        ]
        done = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)
        found = json.loads(next(line for line in done.stdout.splitlines() if line.startswith('{"requests"')))
        return {
            "per_second": found["requests"] / found["us"] * 1e6,
            "p50": found["p50"] / 1e3,
            "p99": found["p99"] / 1e3,
            "requests": found["requests"],
            "refused": found["bad"],
            "errors": found["errors"],
        }


def rows() -> Iterator[Row]:
    """The figures, or a row that says why there are none."""
    if shutil.which("wrk") is None:
        yield Row("HTTP: wrk is not installed (apt-get install wrk)", 0, "")
        return
    with tempfile.TemporaryDirectory(prefix="stepwarden-bench-") as name:
        folder = Path(name)
        peer = _bare(folder)
        yield from _listener(peer, _bare(folder, "uvicorn"))
        with stepwarden(folder / "data") as (url, key, pid):
            load = Load(folder, url, key)
            load.run(32, 4)
            yield from _decisions(load, pid, peer)
            yield from _memory(url, key, pid)


def measured(load: Load, pid: int, connections: int, seconds: int) -> dict[str, float]:
    """One run, with the server's CPU microseconds per request as ``cpu``."""
    before = cpu_seconds(pid)
    found = load.run(connections, seconds)
    found["cpu"] = (cpu_seconds(pid) - before) / found["requests"] * 1e6
    return found


def _bare(folder: Path, *kind: str) -> dict[int, dict[str, float]]:
    """A server that does nothing, by number of connections."""
    with bare(*kind) as (url, pid):
        load = Load(folder, url, "none")
        load.run(32, 2)
        return {connections: measured(load, pid, connections, SECONDS // 2) for connections in (1, 32, 256)}


def _listener(own: dict[int, dict[str, float]], peer: dict[int, dict[str, float]]) -> Iterator[Row]:
    """Our listener and uvicorn, both without a service."""
    for connections, found in own.items():
        at = f"at {connections} connection{'s' if connections > 1 else ''}"
        beside = peer[connections]
        yield Row(f"bare listener {at}", found["per_second"], "/s", "bare uvicorn", beside["per_second"])
        yield Row(f"CPU of the bare listener {at}", found["cpu"], "µs", "bare uvicorn", beside["cpu"])


def _decisions(load: Load, pid: int, peer: dict[int, dict[str, float]]) -> Iterator[Row]:
    floors = {1: (None, None), 32: (5_000.0, 20.0), 256: (None, None)}
    for connections, (least, slowest) in floors.items():
        found = measured(load, pid, connections, SECONDS)
        bare_one = peer[connections]
        at = f"at {connections} connection{'s' if connections > 1 else ''}"
        if found["errors"]:
            yield Row(f"HTTP errors {at}", found["errors"], "", ceiling=0)
        yield Row(
            f"decisions {at}", found["per_second"], "/s", "bare listener", bare_one["per_second"], least
        )
        ceiling = 1.2 if connections == 1 else None
        yield Row(f"p50 {at}", found["p50"], "ms", "bare listener", bare_one["p50"], None, ceiling)
        yield Row(f"p99 {at}", found["p99"], "ms", "bare listener", bare_one["p99"], None, slowest)
        limit = 150.0 if connections == 32 else None
        yield Row(f"CPU per decision {at}", found["cpu"], "µs", "bare listener", bare_one["cpu"], None, limit)
        if connections == 256:
            yield Row("refused with 503 at 256 connections", 100 * found["refused"] / found["requests"], "%")


def _memory(url: str, key: str, pid: int) -> Iterator[Row]:
    """Resident memory once 100,000 people have signed in, each from an address and a device of their own."""
    before = resident_mb(pid)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}
    with httpx.Client(base_url=url, headers=headers, timeout=120) as client:
        for first in range(0, 100_000, 5_000):
            lines = [
                json.dumps(
                    {
                        "action": "login",
                        "actor": f"somebody-{number}",
                        "ip": f"{90 + number % 30}.{number // 30 % 250}.{number // 7500}.7",
                        "user_agent": AGENTS[number % 4],
                        "device": {"id": f"device-{number}"},
                        "session": f"s-{number}",
                        "outcome": "success",
                    }
                )
                for number in range(first, first + 5_000)
            ]
            began = time.perf_counter()
            client.post("/v1/events", content="\n".join(lines) + "\n").raise_for_status()
            rate = 5_000 / (time.perf_counter() - began)
    yield Row("events recorded in batches (last batch)", rate, "/s")
    yield Row("resident memory with 100,000 people", resident_mb(pid), "MB", "before them", before, None, 300)
