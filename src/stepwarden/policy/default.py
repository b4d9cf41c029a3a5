"""The policy that ships with Stepwarden, and the cases that it is tested by: two files beside this one."""

from importlib.resources import files


def default_text() -> str:
    """The text of ``default.yaml``."""
    return files(__package__).joinpath("default.yaml").read_text(encoding="utf-8")


def default_cases() -> str:
    """The text of ``default.cases.yaml``."""
    return files(__package__).joinpath("default.cases.yaml").read_text(encoding="utf-8")
