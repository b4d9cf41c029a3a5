"""``stepwarden serve``: a node, the HTTP server over it, and what has to be done meanwhile.

Meanwhile: challenges that nobody answered expire; the policy file is read again when it changes, and a policy that
cannot be used leaves the old one live (both are entries); when the log cannot be written any more the process ends,
so that whoever supervises it starts it again and the log is checked and folded anew.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from stepwarden import __version__
from stepwarden.app.commands import SOCKET
from stepwarden.app.control import listen as listen_for_commands
from stepwarden.app.core import Progress
from stepwarden.app.node import Node, open_node
from stepwarden.app.openid import origins
from stepwarden.app.openid_sites import make_openid_sites
from stepwarden.app.proving import public_url
from stepwarden.app.settings import Settings
from stepwarden.app.world import Entropy
from stepwarden.errors import PolicyError, SettingsError, StepwardenError
from stepwarden.gateway.application import build
from stepwarden.gateway.exchange import Settings as GatewaySettings
from stepwarden.gateway.server import listen
from stepwarden.gateway.server import serve as serve_http
from stepwarden.gateway.tiles import OPEN
from stepwarden.gateway.visits import Site

EVERY = 1.0
"""Seconds between two looks at the policy file, at what expired and at the log's health."""
GC_EVERY = 50_000
"""Objects made, less those freed, between two rounds of the collector."""
GRACE = 10
"""Seconds that requests under way may take after the signal."""
CONNECTIONS = 2_000
FORM_KEY_BYTES = 32
BODY_TIMEOUT = 10.0
"""Seconds that a request's body may take to arrive."""
_log = logging.getLogger("stepwarden")


async def serve(
    data: Path, settings: Settings, progress: Progress, started: Callable[[str, int], None]
) -> None:
    """Serve until asked to stop (SIGINT, SIGTERM). ``started`` is told host and port once requests are taken.

    Raises:
        StepwardenError: it could not start, or the log failed meanwhile.
    """
    sock = listen(settings.server.host, settings.server.port)
    host, port = sock.getsockname()[:2]
    url = public_url(settings, port=port)
    node = open_node(data, settings, progress, url=url)
    reason = "asked to stop"
    try:
        sites = make_sites(node, settings, url)
        await node.start()
        control = await listen_for_commands(node, data)
        # What was folded at the start lives as long as the process: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        # Decisions make no cycles: looking for them after every 700 objects would cost a twentieth of the time.
        gc.set_threshold(GC_EVERY)
        chores = [
            _watch_policy(node),
            _sweep(node),
            _watch_log(node),
            node.publishing.run(),
            node.publishing.run_keeper(),
        ]
        chores += [node.watch.run(), node.watch.run_keeper()]
        chores += [node.anchoring.run()] if node.anchoring is not None else []
        chores += [node.pruning.run(), node.archiving.run()]
        tasks = [asyncio.create_task(_kept_alive(chore)) for chore in chores]
        try:
            await serve_http(
                build(node.service, _gateway_settings(settings, url), sites),
                sock,
                grace=GRACE,
                connections=CONNECTIONS,
                listening=lambda: started(host, port),
            )
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            control.close()
            (data / SOCKET).unlink(missing_ok=True)
        if node.service.failed is not None:
            raise node.service.failed
    except BaseException as exc:
        reason = f"stopped by {type(exc).__name__}"
        raise
    finally:
        with contextlib.suppress(StepwardenError):
            await node.close(reason)


def make_sites(node: Node, settings: Settings, url: str) -> tuple[Site, ...]:
    """All pages that are served beside the API. Raises: SettingsError: see ``make_pages``."""
    openid = make_openid_sites(node.service, settings, url, clock=node.recorder.now, entropy=Entropy().take)
    return make_pages(node, settings, url), *openid


def make_pages(node: Node, settings: Settings, url: str) -> Site:
    """The people's pages. What their forms are protected by is made anew at each start, as are their sessions.

    Raises:
        SettingsError: ``pages.apps`` names something that is no origin.
    """
    # Loaded here: templates and languages are for whoever serves, not for every command.
    from stepwarden.console.site import Site as PeoplesPages

    proving, entropy = node.service.proving, Entropy().take
    try:
        return PeoplesPages(
            proving.pages,
            proving.account,
            public_url=url,
            apps=(*settings.pages.apps, *origins(settings, url)),
            issuer=settings.issuer,
            provider=(settings.provider.name or settings.provider.issuer) if settings.provider.issuer else "",
            key=entropy(FORM_KEY_BYTES),
            clock=node.recorder.now,
            entropy=entropy,
        )
    except ValueError as exc:
        raise SettingsError(f"pages.apps: {exc}") from exc


def _gateway_settings(settings: Settings, url: str) -> GatewaySettings:
    return GatewaySettings(
        public_url=url,
        version=__version__,
        metrics_open=settings.server.metrics_open,
        opened=OPEN[settings.log.readers],
        body_timeout=BODY_TIMEOUT,
    )


async def _kept_alive(chore: Coroutine[Any, Any, None]) -> None:
    """A chore that dies in silence would let challenges live for ever: say it loudly."""
    try:
        await chore
    except asyncio.CancelledError:
        raise
    except Exception:
        _log.exception("a background task stopped; restart the service")
        raise


async def _sweep(node: Node) -> None:
    while True:
        await asyncio.sleep(EVERY)
        with contextlib.suppress(StepwardenError):  # a full queue or a failed log: the next round tries again
            node.service.sweep()
            await node.keeper.retire_due()


async def _watch_log(node: Node) -> None:
    while node.service.failed is None:  # noqa: ASYNC110 - the writer's thread sets no event of ours
        await asyncio.sleep(EVERY / 4)
    _log.error("the log cannot be written any more: %s", node.service.failed)
    os.kill(os.getpid(), signal.SIGTERM)  # the server's own orderly way out


async def _watch_policy(node: Node) -> None:
    path = node.policy_path
    seen: tuple[int, int] | None = None  # read once more: it may have changed since the start read it
    while True:
        await asyncio.sleep(EVERY)
        now = _stamp(path)
        if now == seen:
            continue
        seen = now
        try:
            if await node.use_file():
                _log.info("the policy %s is live", path)
        except PolicyError as exc:
            where = f" (line {exc.line}, column {exc.column})" if exc.line else ""
            _log.error("the new policy is refused, the one before stays live: %s%s", exc, where)
        except StepwardenError as exc:
            _log.error("the policy could not be changed: %s", exc)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)
