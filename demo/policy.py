"""The demonstration's policy: the shipped one, with the bank's own words for three actions.

What is asked, and when, is left as it is. ``approve`` is what people read on Stepwarden's page; the bank knows better
than we what signing in, or an export, is to its people.
"""

import re
from typing import Final

from demo.processes import DemoError
from stepwarden.policy.default import default_text

_WORDS: Final = {
    "login": """{sensitivity: 1, demand: none, recovery: true,
    approve: {en: "Sign in to Acme Bank", de: "Bei der Acme Bank anmelden"}}""",
    "mail.change": """{sensitivity: 3, demand: aal2, max_age: 5m,
    approve: {en: "Change your mail address to {mail}", de: "Ihre E-Mail-Adresse in {mail} ändern"}}""",
}
_MORE: Final = """  customers.export: {sensitivity: 3, demand: aal2, max_age: 5m,
    approve: {en: "Export the data of all customers", de: "Die Daten aller Kunden ausgeben"}}
"""


def policy_text() -> str:
    """The policy as a file.

    Raises:
        DemoError: the shipped policy no longer names what we have words for.
    """
    text = default_text()
    for action, rule in _WORDS.items():
        whole = re.compile(rf"^  {re.escape(action)}: \{{.*?\}}\n(?=  \S)", re.DOTALL | re.MULTILINE)
        text, found = whole.subn(lambda _, line=f"  {action}: {rule}\n": line, text)  # type: ignore[misc]
        if found != 1:
            raise DemoError(f"the shipped policy has {found} rules for {action!r}")
    return text.replace("actions:\n", f"actions:\n{_MORE}", 1)
