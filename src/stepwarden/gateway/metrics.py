"""What the gateway counts, and the Prometheus text format (version 0.0.4) of it.

Counting costs one dictionary addition; the histogram has fixed buckets, found by bisection.

>>> metrics = Metrics(); metrics.decided("allow", 0.0004)
>>> 'stepwarden_decisions_total{decision="allow"} 1' in metrics.text(None)
True
"""

from bisect import bisect_left
from collections.abc import Iterable

from stepwarden.flow.answers import ServiceMetrics
from stepwarden.flow.publishing import WitnessFigures

MEDIA_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Upper bounds in seconds; the last bucket is +Inf."""


class Metrics:
    """Counters since the start of this process."""

    __slots__ = ("_buckets", "_decisions", "_events", "_refusals", "_requests", "_seconds")

    def __init__(self) -> None:
        self._requests: dict[tuple[str, int], int] = {}
        self._decisions = {"allow": 0, "step_up": 0, "deny": 0}
        self._refusals: dict[str, int] = {}
        self._buckets = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0
        self._events = 0

    def answered(self, route: str, status: int) -> None:
        """One reply has left. ``route`` is the name of an operation, never a path from outside."""
        key = (route, status)
        self._requests[key] = self._requests.get(key, 0) + 1

    def decided(self, decision: str, seconds: float) -> None:
        """One decision was made, durable after ``seconds``."""
        self._decisions[decision] += 1
        self._buckets[bisect_left(BUCKETS, seconds)] += 1
        self._seconds += seconds

    def recorded(self, count: int) -> None:
        """So many events were recorded without a decision."""
        self._events += count

    def refused(self, code: str) -> None:
        """A request ended in a problem of this code."""
        self._refusals[code] = self._refusals.get(code, 0) + 1

    def text(self, state: ServiceMetrics | None, *, ready: bool | None = None) -> str:
        """The exposition: own counters, then the state of the service."""
        lines: list[str] = []
        _family(
            lines,
            "stepwarden_http_requests_total",
            "counter",
            "Replies by operation and status.",
            (
                (f'{{operation="{_escape(route)}",status="{status}"}}', count)
                for (route, status), count in sorted(self._requests.items())
            ),
        )
        _family(
            lines,
            "stepwarden_decisions_total",
            "counter",
            "Decisions by answer.",
            ((f'{{decision="{name}"}}', count) for name, count in self._decisions.items()),
        )
        _family(
            lines,
            "stepwarden_problems_total",
            "counter",
            "Problem documents by code.",
            ((f'{{code="{_escape(code)}"}}', count) for code, count in sorted(self._refusals.items())),
        )
        _family(
            lines,
            "stepwarden_events_recorded_total",
            "counter",
            "Events recorded only.",
            [("", self._events)],
        )
        self._histogram(lines)
        if ready is not None:
            _family(lines, "stepwarden_ready", "gauge", "Whether decisions can be made.", [("", int(ready))])
        if state is not None:
            _state(lines, state)
        return "\n".join(lines) + "\n"

    def _histogram(self, lines: list[str]) -> None:
        name = "stepwarden_decision_seconds"
        lines.append(f"# HELP {name} Time from the request to its durable decision.")
        lines.append(f"# TYPE {name} histogram")
        total = 0
        for bound, count in zip((*BUCKETS, "+Inf"), self._buckets, strict=True):
            total += count
            lines.append(f'{name}_bucket{{le="{bound}"}} {total}')
        lines.append(f"{name}_sum {self._seconds!r}")
        lines.append(f"{name}_count {total}")


def _state(lines: list[str], state: ServiceMetrics) -> None:
    gauges = (
        ("stepwarden_log_entries", "Durable entries in the log.", state.log_size),
        ("stepwarden_queue_depth", "Entries that wait to be committed.", state.queue_depth),
        ("stepwarden_queue_limit", "Entries that may wait before requests are shed.", state.queue_limit),
        ("stepwarden_uptime_seconds", "Seconds since the service started.", state.uptime_s),
        ("stepwarden_actors", "Actors whose history is held in memory.", state.actors),
        ("stepwarden_open_challenges", "Challenges that are neither passed, failed nor expired.",
         state.open_challenges),
        ("stepwarden_archived_entries", "Entries in the archive that is kept up; -1: none, or not known yet.",
         state.archived),
        ("stepwarden_archive_failures", "Rounds of archiving that failed since the start.", state.archive_failures),
        ("stepwarden_emergency", "1 while every demand is raised by policy emergency.", int(state.emergency)),
        ("stepwarden_policy_candidate", "1 while a policy is in shadow or canary.", int(state.candidate)),
    )  # fmt: skip
    for name, doc, value in gauges:
        _family(lines, name, "gauge", doc, [("", value)])
    if state.witnessing is not None:
        _witnessing(lines, state.witnessing, state.log_size)


def _witnessing(lines: list[str], found: WitnessFigures, size: int) -> None:
    lag = size - max(found.witnessed, 0) if found.witnesses else 0
    rows = (
        ("stepwarden_published_entries", "gauge", "Entries of the newest published checkpoint.", found.published),
        ("stepwarden_witnesses", "gauge", "Witnesses that the policy names.", found.witnesses),
        ("stepwarden_witnesses_reached", "gauge", "Witnesses whose last answer was a cosignature.", found.reached),
        ("stepwarden_witness_cosignatures_total", "counter", "Cosignatures that were verified.",
         found.cosignatures),
        ("stepwarden_witness_waiting", "gauge", "Successes held until a quorum has signed.", found.waiting),
        ("stepwarden_witness_lag_entries", "gauge", "Entries that no quorum has signed yet.", lag),
    )  # fmt: skip
    for name, kind, doc, value in rows:
        _family(lines, name, kind, doc, [("", value)])


def _family(
    lines: list[str], name: str, kind: str, doc: str, samples: Iterable[tuple[str, int | float]]
) -> None:
    lines.append(f"# HELP {name} {doc}")
    lines.append(f"# TYPE {name} {kind}")
    lines.extend(f"{name}{labels} {value}" for labels, value in samples)


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
