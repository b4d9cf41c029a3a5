"""The page about OpenID providers: its settings are ones, and its levels are those of the rules."""

import re
import tomllib
from pathlib import Path

import pytest

from stepwarden.connect.openid import ProviderSettings
from stepwarden.connect.openid.keys import ALGORITHMS
from stepwarden.connect.openid.settings import check_settings

PAGE = (Path(__file__).resolve().parents[2] / "docs/factors/openid.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)\n```", PAGE, re.S)


@pytest.mark.parametrize("block", BLOCKS)
def test_the_settings_on_the_page_can_be_used(block: str) -> None:
    """With a secret, and what stands in angle brackets filled in."""
    found = tomllib.loads(re.sub(r"<[^>]+>", "11111111-2222", block))["provider"]
    check_settings(ProviderSettings(client_secret="s", **found))


def test_every_setting_is_on_the_page() -> None:
    """But for the secret, which has its place in the environment, and the time that the service sets."""
    for name in {*ProviderSettings.__struct_fields__} - {"client_secret", "seconds"}:
        assert f"| `{name}` |" in PAGE, name
    assert len(BLOCKS) == 2


def test_the_algorithms_on_the_page_are_the_ones_that_are_taken() -> None:
    """All of them, and they are named."""
    for name in ALGORITHMS:
        assert name in PAGE
