"""A simulation over HTTP: against a server that is started for it, or against one that somebody owns."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from stepwarden.cli.own_server import own_server
from stepwarden.errors import InputError
from stepwarden.lab.simulate.live import LiveSite, Pace, Said
from stepwarden.lab.simulate.output import Writer, specs_of
from stepwarden.lab.simulate.run import Plan, Progress, run_live, write_results
from stepwarden.lab.simulate.tally import Tally
from stepwarden.policy.policy import Policy

PATIENCE = 30.0
"""Seconds that one call may take."""


class HttpPost:
    """``live.Post`` by httpx, on one connection that stays open."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def __call__(self, path: str, body: bytes) -> Said:
        try:
            answer = self._client.post(path, content=body)
        except httpx.HTTPError as exc:
            base = self._client.base_url
            raise InputError(
                f"nobody answers at {base} ({type(exc).__name__}): is the server there and running?",
                field="server",
            ) from exc
        except (httpx.InvalidURL, UnicodeError) as exc:
            raise InputError(f"--server is no URL: {exc}", field="server") from exc
        wait = answer.headers.get("retry-after", "")
        return Said(answer.status_code, answer.content, float(wait) if wait.isdigit() else 0.0)


def against_own(
    plan: Plan, policy: Policy, out: Path | None, *, speed: float, suffix: str, progress: Progress
) -> Tally:
    """Run a plan against a server that lives as long as this call. It knows the kinds of the simulated addresses."""
    lists = {str(kind): ranges for kind, ranges in plan.world.ranges().items()}
    with own_server(policy.text, lists) as (url, key):
        return against(url, key, plan, policy, out, speed=speed, suffix=suffix, progress=progress)


def against(
    url: str,
    key: str,
    plan: Plan,
    policy: Policy,
    out: Path | None,
    *,
    speed: float,
    suffix: str,
    progress: Progress,
) -> Tally:
    """Run a plan against the server at ``url``.

    Args:
        policy: what the server decides by, as far as we know: scores are its prior and the server's reasons.
    """
    began = time.perf_counter()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    try:
        client = httpx.Client(base_url=url, headers=headers, timeout=PATIENCE, trust_env=False)
    except (httpx.InvalidURL, UnicodeError) as exc:
        raise InputError(f"--server is no URL: {exc}", field="server") from exc
    with client:
        site = LiveSite(
            HttpPost(client),
            Pace(begin=plan.asked.start, speed=speed, wall=0),
            clock=lambda: time.time_ns() // 1_000,
            sleep=time.sleep,
            suffix=suffix,
            prior=policy.prior,
        )
        actors = [person.actor for person in plan.persons]
        site.enrol(_counted(actors, progress))
        if out is None:
            return run_live(site, plan, progress, None)[0]
        with Writer(out, specs_of(policy.signals), signals=False) as writer:
            tally, skipped = run_live(site, plan, progress, writer)
    write_results(out, plan, policy, tally, skipped, time.perf_counter() - began, live=True)
    return tally


def _counted(actors: list[str], progress: Progress) -> Iterator[str]:
    for number, actor in enumerate(actors):
        progress("enrolled", number, len(actors))
        yield actor
    progress("enrolled", len(actors), len(actors))
