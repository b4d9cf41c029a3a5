"""The examples in the lab's docstrings are what it does."""

import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["charts", "logs", "ordering", "replay", "report", "summary"])
def test_examples_hold(name: str) -> None:
    """Each example gives what stands below it."""
    assert doctest.testmod(importlib.import_module(f"stepwarden.lab.{name}")).failed == 0
