"""Decisions, secrets and the code form: what the types themselves promise."""

import doctest
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import stepwarden.sdk as sdk
from stepwarden.sdk import (
    Allowed,
    Attempt,
    Code,
    Denied,
    Passed,
    Receipt,
    RecoveryCodes,
    StepUp,
    TotpEnrolment,
    answers,
    codeform,
    routes,
)
from stepwarden.sdk.wire import Response, check, outage_decision, read_decision


@pytest.mark.parametrize("decision", [Allowed(), StepUp(), Denied()])
def test_a_decision_has_no_truth_value(decision: Allowed | StepUp | Denied) -> None:
    """``if decision:``, ``not decision`` and ``decision and ...`` are errors, not an accidental yes."""
    with pytest.raises(TypeError, match="no truth value"):
        bool(decision)
    with pytest.raises(TypeError):
        _ = not decision


def test_a_match_that_forgets_a_decision_does_not_type_check(tmp_path: Path) -> None:
    """``assert_never`` makes the type checker find the missing arm, and accepts the complete match."""
    arms = ["Allowed", "StepUp", "Denied"]
    for name, kept in (("complete", arms), ("forgetful", arms[:2])):
        cases = "".join(f"        case {arm}():\n            return '{arm}'\n" for arm in kept)
        (tmp_path / f"{name}.py").write_text(
            "from typing import assert_never\n"
            "from stepwarden.sdk import Allowed, Decision, Denied, StepUp\n"
            f"def f(d: Decision) -> str:\n    match d:\n{cases}        case _:\n            assert_never(d)\n"
        )
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "complete.py", "forgetful.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"MYPYPATH": str(Path(sdk.__file__).parents[2]), "PATH": ""},
        check=False,
    )
    errors = [line for line in run.stdout.splitlines() if "error:" in line]
    assert len(errors) == 1, run.stdout + run.stderr
    assert errors[0].startswith("forgetful.py")
    assert "assert_never" in errors[0]


def test_no_repr_shows_a_secret() -> None:
    """Grants, seeds, codes and session ids stay out of logs and tracebacks."""
    receipt = Receipt(index=1, size=2)
    things = [
        Passed(grant="hush-grant", aal=2, amr=("otp",), expires="", receipt=receipt),
        TotpEnrolment(uri="otpauth://hush", secret="hush", svg="hush"),
        RecoveryCodes(codes=("hush",)),
        Attempt(action="login", grant="hush", session="hush"),
        Code(factor="totp", answer="hush"),
    ]
    assert all("hush" not in repr(thing) + str(thing) for thing in things)


@given(st.binary(max_size=300) | st.just(b'{"decision":"allow"}'), st.sampled_from([200, 201, 204, 302, 500]))
def test_no_bytes_are_read_as_an_allow(body: bytes, status: int) -> None:
    """Whatever the body, reading it gives a complete answer or an SDK error, and nothing else."""
    with pytest.raises(sdk.UnavailableError):
        read_decision(Response(status, body))


@given(st.integers(min_value=400, max_value=499), st.binary(max_size=100))
def test_every_client_error_is_an_sdk_error(status: int, body: bytes) -> None:
    """A 4xx with any body raises one of ours."""
    with pytest.raises(sdk.SdkError):
        check(Response(status, body))


def test_no_outage_choice_allows() -> None:
    """Both choices, and the types they give."""
    assert type(outage_decision("deny")) is Denied
    assert type(outage_decision("step_up")) is StepUp


@given(st.text())
def test_reading_a_code_never_raises_and_names_an_offered_factor(text: str) -> None:
    """Any typed text becomes a bounded answer for a factor on offer."""
    code = sdk.read_code(text, ("totp", "recovery"))
    assert code.factor in {"totp", "recovery"}
    assert len(code.answer) <= 64
    assert all(c.isprintable() and not c.isspace() for c in code.answer)


@pytest.mark.parametrize(
    ("typed", "factor", "answer"),
    [
        ("123456", "totp", "123456"),
        (" 123 456\n", "totp", "123456"),
        ("123-456", "totp", "123456"),
        ("１２３４５６", "totp", "123456"),
        ("١٢٣٤٥٦", "totp", "123456"),
        ("ABCD-EFGH-2345-JKLM", "recovery", "ABCD-EFGH-2345-JKLM"),
        ("", "totp", ""),
    ],
)
def test_codes_are_read_as_people_type_them(typed: str, factor: str, answer: str) -> None:
    """Spaces, dashes and other scripts' digits do not make a right code wrong."""
    code = sdk.read_code(typed, ("totp", "recovery"))
    assert (code.factor, code.answer) == (factor, answer)


@pytest.mark.parametrize("module", [answers, codeform, routes])
def test_the_examples_in_the_docstrings_run(module: ModuleType) -> None:
    """What the specification shows is what happens."""
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0


def test_everything_public_exists() -> None:
    """``__all__`` is sorted as a person would look, complete and importable."""
    assert all(hasattr(sdk, name) for name in sdk.__all__)
    assert len(set(sdk.__all__)) == len(sdk.__all__)


def test_importing_the_sdk_loads_no_other_room() -> None:
    """An application that imports the SDK does not load the service."""
    code = (
        "import sys, stepwarden.sdk\n"
        "ours = [m for m in sys.modules if m.startswith('stepwarden.')]\n"
        "print([m for m in ours if not m.startswith('stepwarden.sdk')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
