"""Before the bank opens: everybody gets a past and an authenticator, through Stepwarden's API like anybody else's.

The people whom a watcher plays get recovery codes too. Those change an account's factors, so they need what every such
change needs: an allowed attempt ``factor.enroll``, approved with the authenticator that is there already.
"""

import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pyotp

from demo import history
from demo.bank.democodes import Phone, read_phones
from demo.people import PEOPLE, Person
from demo.processes import DemoError
from stepwarden.sdk import Allowed, Attempt, Client, SdkError, StepUp


def enrol(url: str, key: str, phones_path: Path, seed: int) -> dict[str, Phone]:
    """Import the history and enrol everybody; what an earlier run has done and kept is not done again.

    Raises:
        DemoError: Stepwarden did not go along.
    """
    phones = read_phones(phones_path)
    if phones:
        return phones
    try:
        with Client(url, key=key, timeout=30) as client:
            client.record(history.make(PEOPLE, datetime.now(UTC), seed))
            for person in PEOPLE:
                secret = client.enrol_totp(person.user).secret
                codes = () if person.played else _recovery_codes(client, person, secret)
                phones[person.user] = Phone(secret=secret, recovery=codes)
    except SdkError as exc:
        raise DemoError(f"enrolling the demonstration's people failed: {exc}") from exc
    phones_path.touch(mode=0o600)
    phones_path.write_bytes(msgspec.json.encode(phones))
    return phones


def _recovery_codes(client: Client, person: Person, secret: str) -> tuple[str, ...]:
    address, agent, device = person.places[0]

    def ask(grant: str = "") -> Allowed | StepUp:
        decision = client.attempt(
            Attempt(
                action="factor.enroll",
                actor=person.user,
                session=f"branch-office-{person.user}",
                ip=address,
                user_agent=agent,
                device={"id": device},
                proved=("pwd",),
                grant=grant,
            )
        )
        if isinstance(decision, Allowed | StepUp):
            return decision
        raise DemoError(f"{person.user} may not have recovery codes: {[r.text for r in decision.reasons]}")

    decision = ask()
    if isinstance(decision, StepUp) and decision.challenge:
        # The code of the half minute before, so that the one shown right now is still good for whoever watches.
        code = pyotp.TOTP(secret).at(int(time.time()) - 30)
        decision = ask(client.answer(decision.challenge.id, factor="totp", answer=code).grant)
    if not isinstance(decision, Allowed):
        raise DemoError(f"{person.user} cannot approve having recovery codes")
    client.report(decision.id, "success")
    return client.make_recovery_codes(person.user, attempt=decision.id).codes
