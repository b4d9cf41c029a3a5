"""The pages about factors, recovery and keys say what the code has: levels, classes, derived keys, a policy's lines."""

import re

from stepwarden.events.entries import Standing
from stepwarden.events.facts import Facts
from stepwarden.policy.default import default_text
from stepwarden.policy.demand import decide
from stepwarden.policy.loader import load
from stepwarden.signals.catalogue import DEFAULTS
from stepwarden.stepup.assurance import METHOD_CLASSES, TABLE, admitted, spoken
from tests.docs.shop import DOCS, block

NOW = 1_800_000_000_000_000
SIGNED_IN = Standing(aal=1, since=NOW - 1, amr=("pwd",))
PAGES = {
    "webauthn": "[passkeys](factors/passkeys.md)",
    "provider": "[your OpenID provider](factors/openid.md)",
    "totp": "[an authenticator app](factors/totp.md)",
    "push": "[push](factors/sms-and-push.md)",
    "sms": "[text message](factors/sms-and-push.md)",
    "email": "[mail](factors/email.md)",
    "recovery": "[recovery codes](factors/recovery.md)",
}


def quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def table() -> str:
    """``TABLE`` as Markdown."""
    lines = [
        "| factor | page | alone | on top of a password | `amr` in the log | `amr` outside | strength "
        "| sent to the person |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind, worth in TABLE.items():
        cells = (
            f"`{kind}`",
            PAGES[kind],
            f"AAL{worth.alone}",
            f"AAL{worth.second}",
            quoted(worth.methods),
            quoted(spoken(worth.methods)),
            str(worth.strength),
            "yes" if worth.sent else "no",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def test_the_table_of_factors_is_the_one_in_the_code() -> None:
    """To the letter."""
    assert table() in (DOCS / "factors.md").read_text(encoding="utf-8")


def test_the_classes_of_methods_are_those_in_the_code() -> None:
    """Each method under its class, none left out."""
    text = (DOCS / "factors.md").read_text(encoding="utf-8")
    names = {
        "something known": frozenset({"known"}),
        "something held": frozenset({"held"}),
        "something one is": frozenset({"inherent"}),
        "two at once": frozenset({"known", "held"}),
    }
    said = {
        method: names[row[0]]
        for row in re.findall(r"^\| ([a-z ]+) \| (`.*) \|$", text, re.M)
        if row[0] in names
        for method in re.findall(r"`(\w+)`", row[1])
    }
    assert said == METHOD_CLASSES


def test_the_action_that_begins_a_recovery_does() -> None:
    """The lines of docs/lost.md are the shipped policy's: a recovery code will do, on a known device too."""
    assert block("lost.md", "yaml") in default_text()
    policy = load(default_text())
    facts = Facts(action="account.recover", actor="a", session="s", time=NOW)
    found = policy.assess(facts, DEFAULTS, SIGNED_IN)
    assert (found.demand.aal, found.demand.recovery) == (2, True)
    assert decide(found.demand, SIGNED_IN, NOW, None) == "step_up"
    assert "recovery" in admitted(found.demand.aal, found.demand.recovery, found.demand.methods)
    by_code = Standing(aal=1, since=NOW, amr=("recovery",))
    assert decide(found.demand, SIGNED_IN, NOW, by_code) == "allow"


def test_every_key_that_is_derived_is_named() -> None:
    """docs/tokens-and-cookies.md lists all uses of the master key, and no other."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in (DOCS.parent / "src").rglob("*.py"))
    used = set(re.findall(r'derive\([\w.]+, "([^"]+)"\)', source))
    told = set(
        re.findall(
            r"`(stepwarden/[a-z-]+/v\d)`", (DOCS / "tokens-and-cookies.md").read_text(encoding="utf-8")
        )
    )
    assert used == told
