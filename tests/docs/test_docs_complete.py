"""The documentation names what there is, and everything that there is."""

import re
from pathlib import Path
from typing import get_args

import pytest

from stepwarden import errors
from stepwarden.app.settings import Settings, _names
from stepwarden.events.entries import Entry

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_in_a_page_leads_somewhere(page: Path) -> None:
    """A link to a file of the project names a file that is there."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("#"):
            assert (page.parent / target.partition("#")[0]).exists(), target


def test_every_page_is_two_clicks_from_the_readme() -> None:
    """From the README one link, or two, reach every page."""

    def linked(page: Path) -> set[Path]:
        found = re.findall(r"\]\(([^)\s#]+)", page.read_text(encoding="utf-8"))
        return {(page.parent / target).resolve() for target in found if "://" not in target}

    first = linked(ROOT / "README.md")
    second = {target for page in first if page.suffix == ".md" for target in linked(page)}
    folders = [folder for folder in first if folder.is_dir()]
    for page in PAGES[2:]:
        assert page in first | second or page.parent in folders, page


def test_every_attack_in_the_table_has_the_tests_that_it_names() -> None:
    """A test that the table of attacks names is really there."""
    written = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    there = set(re.findall(r"def (test_\w+)", written))
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/attacks.md").read_text(encoding="utf-8")))
    assert named
    assert named <= there, named - there


def test_every_setting_is_described() -> None:
    """Each setting, by its dotted name or its last part, stands in the page about settings."""
    page = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    for name in _names(Settings):
        assert f"`{name}`" in page or f"`.{name.rpartition('.')[2]}`" in page, name


def test_every_kind_of_entry_is_named() -> None:
    """The page about the log lists all of them, and no other: ``challenge.issued``, and then ``.sent`` after it."""
    page = (ROOT / "docs/ledger.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"^\| `kind` \| (.*) \|$", page, re.M)
    named, room = set(), ""
    for name in re.findall(r"`([a-z._]+)`", row):
        room = room if name.startswith(".") else name.partition(".")[0]
        named.add(room + name if name.startswith(".") else name)
    assert named == {kind.__struct_config__.tag for kind in get_args(Entry)}


def test_error_codes_are_unique_and_drawn() -> None:
    """The tree in the docstring shows each error with its code; no two share one."""
    base = errors.StepwardenError
    found = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, base)]
    codes = {kind.code: kind for kind in found}
    assert len(codes) == len(found)
    for kind in found:
        assert re.search(
            rf"{kind.__name__}\s+{re.escape(kind.code)}\b|^    {kind.__name__}$", errors.__doc__ or "", re.M
        )
