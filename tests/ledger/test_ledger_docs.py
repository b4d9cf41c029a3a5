"""The examples in the ledger's docstrings run."""

import doctest
import importlib

import pytest

MODULES = [
    "checkpoint",
    "cosignature",
    "keyring",
    "keys",
    "merkle",
    "note",
    "proof",
    "publish",
    "published",
    "rotation",
    "sources",
    "store",
    "tiles",
    "tlog_proof",
    "verify",
    "vkey",
    "witness_policy",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    """What a module's specification shows is what it does."""
    result = doctest.testmod(importlib.import_module(f"stepwarden.ledger.{name}"))
    assert result.failed == 0
