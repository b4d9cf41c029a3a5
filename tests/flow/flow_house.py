"""A node on a real data directory, with a clock that the test moves."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from stepwarden.app.node import Node, open_node
from stepwarden.app.paths import Paths
from stepwarden.app.settings import load_settings
from stepwarden.flow.answers import TotpEnrolment
from stepwarden.stepup.factors import totp
from stepwarden.storage.sqlite.log import SqliteLogReader

T = TypeVar("T")
START = 1_800_000_000_000_000


class House:
    """A data directory that can be opened, lived in, left and opened again."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.time = START
        self.given: dict[str, object] = {"addresses.builtin": False}

    def clock(self) -> int:
        return self.time

    def forward(self, seconds: float) -> None:
        self.time += int(seconds * 1_000_000)

    def live(self, do: Callable[[Node], Awaitable[T]]) -> T:
        """Open, do, close."""

        async def run() -> T:
            settings = load_settings(self.data, {}, self.given)
            node = open_node(self.data, settings, lambda *_: None, clock=self.clock)
            try:
                await node.start()
                return await do(node)
            finally:
                await node.close("test done")

        return asyncio.run(run())

    def reader(self) -> SqliteLogReader:
        return SqliteLogReader(Paths(self.data).log)

    def leaves(self) -> list[bytes]:
        reader = self.reader()
        try:
            head = reader.load()
            return list(reader.leaves(0, head.size if head else 0))
        finally:
            reader.close()

    def code(self, enrolment: TotpEnrolment) -> str:
        """What the person's authenticator shows now."""
        secret = base64.b32decode(enrolment.secret + "=" * (-len(enrolment.secret) % 8))
        return totp.at(secret, totp.step_of(self.time))
