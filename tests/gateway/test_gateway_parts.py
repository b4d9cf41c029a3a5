"""The parts that need no server: figures, sampling, texts of problems, codes."""

import asyncio
import doctest
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwarden import errors
from stepwarden.errors import (
    BusyError,
    InputError,
    SettingsError,
    StepwardenError,
    UnauthenticatedError,
)
from stepwarden.gateway import (
    front,
    listener_body,
    listener_head,
    listener_reply,
    metrics,
    plain,
    problems,
    refusals,
    wire,
)
from stepwarden.gateway.metrics import BUCKETS, Metrics
from stepwarden.gateway.operations import OPERATIONS, table
from stepwarden.gateway.problems import TITLES, printable, problem_of
from stepwarden.gateway.refusals import SAMPLE_SECONDS, Refusals, loggable
from stepwarden.gateway.server import listen
from tests.gateway.gateway_fake import FakeService

SAMPLE = re.compile(r'^[a-z_]+(\{[a-z]+="[^"\\\n]*"(,[a-z]+="[^"\\\n]*")*\})? [0-9.e+-]+$')
INFINITE = re.compile(r'^[a-z_]+_bucket\{le="\+Inf"\} [0-9]+$')


def every(kind: type[StepwardenError]) -> list[type[StepwardenError]]:
    return [kind, *(found for below in kind.__subclasses__() for found in every(below))]


def test_every_public_error_has_its_own_title_and_status() -> None:
    """A public code that the table does not know would leave as 500."""
    for kind in every(StepwardenError):
        if kind.__module__ == errors.__name__ and kind.public:
            assert kind.code in TITLES, kind
    assert all(400 <= status < 600 for status, _ in TITLES.values())


@given(st.text(st.characters(), max_size=400), st.integers(2, 300))
def test_printable_text_is_printable_and_short(text: str, limit: int) -> None:
    """Whatever came, a terminal and a log viewer can show it on one line."""
    found = printable(text, limit)
    assert len(found) <= limit
    assert found.isprintable()
    found.encode("utf-8")


@given(st.text(max_size=40), st.sampled_from(["'", '"', "“"]))
def test_nothing_after_a_quote_is_logged(secret: str, quote: str) -> None:
    """What the sender wrote stands only between quotes."""
    assert loggable(f"invalid value {quote}{secret}{quote}") == "invalid value"


def test_unauthenticated_refusals_are_sampled_with_their_number() -> None:
    """The first at once, then one in a minute with how many there were since."""
    fake, refusals = FakeService(), Refusals()

    async def flood() -> None:
        for second in range(200):
            await refusals.log(fake, UnauthenticatedError("no"), where="decide", by="", now=float(second))

    asyncio.run(flood())
    assert [entry[2].split(" ")[0] for entry in fake.exceptions] == ["1", "60", "60", "60"]
    assert SAMPLE_SECONDS == 60
    assert {entry[4] for entry in fake.exceptions} == {"unauthenticated"}


def test_a_known_caller_is_logged_one_for_one_and_busy_never() -> None:
    """Nothing of what a key's owner sent wrong is lost; a full queue has no room for its own complaint."""
    fake, refusals = FakeService(), Refusals()

    async def send() -> None:
        for _ in range(5):
            await refusals.log(fake, InputError('bad "x"', field="$.a"), where="decide", by="k", now=0.0)
            await refusals.log(fake, BusyError("full"), where="decide", by="k", now=0.0)

    asyncio.run(send())
    assert fake.exceptions == [("input.invalid", "decide", "bad", "$.a", "k")] * 5


def test_figures_are_written_as_prometheus_reads_them() -> None:
    """Each family once with help and type; buckets cumulate; the last bucket is the count."""
    metrics = Metrics()
    for seconds in (0.0005, 0.0006, 3.0):
        metrics.decided("deny", seconds)
    metrics.answered("decide", 200)
    metrics.refused("input.invalid")
    metrics.recorded(7)
    lines = metrics.text(FakeService().metrics_snapshot(), ready=False).splitlines()
    families = [line.split(" ")[2] for line in lines if line.startswith("# TYPE ")]
    assert len(families) == len(set(families))
    assert families == [line.split(" ")[2] for line in lines if line.startswith("# HELP ")]
    for line in lines:
        assert line.startswith("# ") or SAMPLE.match(line) or INFINITE.match(line), line
    assert 'stepwarden_decisions_total{decision="deny"} 3' in lines
    assert 'stepwarden_decision_seconds_bucket{le="0.0005"} 1' in lines
    assert 'stepwarden_decision_seconds_bucket{le="0.001"} 2' in lines
    assert 'stepwarden_decision_seconds_bucket{le="+Inf"} 3' in lines
    assert "stepwarden_decision_seconds_count 3" in lines
    assert "stepwarden_queue_depth 2" in lines
    assert "stepwarden_log_entries 13" in lines
    assert "stepwarden_ready 0" in lines
    assert len([line for line in lines if "_bucket" in line]) == len(BUCKETS) + 1


def test_no_problem_tells_what_is_not_public() -> None:
    """Neither of our own errors nor of a library's."""
    for kind in every(StepwardenError):
        if kind.__module__ == errors.__name__ and not kind.public:
            assert problem_of(kind("/secret")).detail == ""
    assert problem_of(KeyError("/secret")).code == "internal.error"


def test_two_operations_for_one_route_are_a_mistake() -> None:
    """The table refuses to hide a route behind another."""
    with pytest.raises(ValueError, match="two operations"):
        table((OPERATIONS[0],))


@pytest.mark.parametrize(
    "module", [front, listener_body, listener_head, listener_reply, metrics, plain, problems, refusals, wire]
)
def test_the_examples_in_the_texts_hold(module: ModuleType) -> None:
    """What a module's text shows is what it does."""
    assert doctest.testmod(module).failed == 0


def test_a_taken_port_is_named() -> None:
    """The message says where and why."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SettingsError, match=r"cannot listen on 127\.0\.0\.1 port \d+: "):
            listen("127.0.0.1", taken.getsockname()[1])


SLOW = """
import asyncio, sys
from stepwarden.gateway.exchange import Reply
from stepwarden.gateway.server import run
class Slow:
    limit = 0
    async def answer(self, body):
        await asyncio.sleep(float(sys.argv[2]))
        return Reply(b"ok")
class Site:
    body_timeout = 1.0
    def open(self, request, peer):
        return Slow()
run(Site(), "127.0.0.1", int(sys.argv[1]), grace=60)
"""


@contextmanager
def slow(seconds: float) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """A process that takes so long for an answer, and a connection on which it is at it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", SLOW, str(port), str(seconds)])
    try:
        for _ in range(100):
            time.sleep(0.05)
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
        with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.2)
            yield process, sock
    finally:
        process.kill()


def test_a_signal_lets_requests_under_way_finish() -> None:
    """SIGTERM in the middle of a request: it is answered, then the process ends well."""
    with slow(0.6) as (process, sock):
        process.send_signal(signal.SIGTERM)
        assert sock.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert process.wait(10) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_waits_for_nobody(number: signal.Signals) -> None:
    """Half a minute is left for the request, but whoever asks twice means it."""
    with slow(30) as (process, sock):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert process.poll() is None
        process.send_signal(number)
        assert process.wait(10) == 0
        assert sock.recv(4096) == b""
