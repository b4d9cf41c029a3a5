r"""The way back to the application: where a person goes when a challenge is over, and what goes with them.

>>> apps = frozenset({"https://shop.example.com"})
>>> way = Way.read({"return_to": "https://shop.example.com/done?cart=1#top", "state": "x"}, apps)
>>> way.back(challenge="12-ab", code="S3")
'https://shop.example.com/done?cart=1&challenge=12-ab&code=S3&state=x#top'
>>> Way.read({"return_to": "https://shop.example.com.evil.example/"}, apps).return_to
''

An address is taken only where it *begins with* the exact origin of a registered application, followed by nothing,
``/``, ``?`` or ``#``, and consists of visible ASCII without a backslash: then no two readers of addresses can
differ about where it leads. Everything else is no way back: nothing is shown of it and nobody is sent there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlencode

MAX_ADDRESS: Final = 2_048
MAX_STATE: Final = 512
_ADDRESS = re.compile(r"(https?://[a-z0-9.:\[\]-]{1,255})(?:[/?#][!#-;=?-\[\]^_a-z{|}~]*)?")
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]{1,255}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?")


def check_origin(origin: str) -> str:
    """An origin as browsers write it: scheme, host, a port that is not the scheme's own.

    Raises:
        ValueError: it is none.
    """
    default = ":443" if origin.startswith("https:") else ":80"
    if not _ORIGIN.fullmatch(origin) or origin.endswith(default):
        raise ValueError(f"not the origin of an application: {origin!r}")
    return origin


def origin_of(address: str) -> str:
    """The origin of an address that is written as ours have to be; "" for every other text."""
    found = _ADDRESS.fullmatch(address) if len(address) <= MAX_ADDRESS else None
    return found[1] if found else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """``return_to`` is "" where there is no way back. ``popup``: the application waits in the window that opened
    ours."""

    return_to: str = ""
    state: str = ""
    popup: bool = False

    @classmethod
    def read(cls, query: Mapping[str, str], apps: frozenset[str]) -> Self:
        """The way that a query names; one without return where it leads to none of ``apps``."""
        address = query.get("return_to", "")
        if origin_of(address) not in apps:
            return cls()
        return cls(
            return_to=address,
            state=query.get("state", "")[:MAX_STATE],
            popup=query.get("mode") == "popup",
        )

    @property
    def app(self) -> str:
        """The application's origin."""
        return origin_of(self.return_to)

    @property
    def query(self) -> str:
        """As ``read`` takes it, to go on with on our own pages; with its question mark, or ""."""
        fields = {"return_to": self.return_to, "state": self.state, "mode": "popup" if self.popup else ""}
        kept = {name: value for name, value in fields.items() if value}
        return "?" + urlencode(kept) if self.return_to else ""

    def back(self, **fields: str) -> str:
        """The address to go back to, with ``fields`` and the state; "" where there is none."""
        if not self.return_to:
            return ""
        address, mark, fragment = self.return_to.partition("#")
        told = fields | ({"state": self.state} if self.state else {})
        joint = "&" if "?" in address else "?"
        return f"{address}{joint}{urlencode(told)}{mark}{fragment}"
