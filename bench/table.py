"""What a benchmark gives back, and how it is printed."""

from typing import NamedTuple


class Row(NamedTuple):
    """One figure: its floor (None: none was set), and what stands beside it from the same run."""

    name: str
    value: float
    unit: str
    beside: str = ""
    beside_value: float | None = None
    floor: float | None = None
    ceiling: float | None = None

    def verdict(self) -> str:
        """Whether the figure keeps its floor or ceiling; empty where it has none."""
        if self.floor is not None:
            return "ok" if self.value >= self.floor else "BELOW"
        if self.ceiling is not None:
            return "ok" if self.value <= self.ceiling else "ABOVE"
        return ""
