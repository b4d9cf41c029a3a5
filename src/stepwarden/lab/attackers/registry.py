"""All attackers, by name: what ``--attacks`` of the simulation takes, and what the report counts by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stepwarden.lab.attackers import poisoning as slow
from stepwarden.lab.attackers.code_guessing import code_guessing
from stepwarden.lab.attackers.factor_tampering import factor_tampering
from stepwarden.lab.attackers.guessing import guessing
from stepwarden.lab.attackers.insider_export import insider_export
from stepwarden.lab.attackers.push_bombing import push_bombing
from stepwarden.lab.attackers.session_theft import session_theft
from stepwarden.lab.attackers.spraying_fast import spraying_fast
from stepwarden.lab.attackers.spraying_slow import spraying_slow
from stepwarden.lab.attackers.stage import Stage
from stepwarden.lab.attackers.stuffing import stuffing
from stepwarden.lab.attackers.takeover_naive import takeover_naive
from stepwarden.lab.attackers.takeover_targeted import takeover_targeted
from stepwarden.lab.attackers.takeover_very_targeted import takeover_very_targeted
from stepwarden.lab.attackers.takeover_vpn import takeover_vpn
from stepwarden.lab.attackers.token_replay import token_replay
from stepwarden.lab.simulate.plan import Script


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacker:
    """One row.

    ``technique`` is an ATT&CK id. ``takeover`` is the class of a takeover, "" for other attacks. ``options`` are its
    variants, which take turns. ``everybody``: it is about the whole site and not one account; ``phase`` is then when
    within its turn it begins, in percent, so that kinds do not fall together. ``frequent``: it needs a victim who signs
    in at least weekly. ``prepares`` is how long it prepares before it strikes, microseconds.
    """

    name: str
    technique: str
    about: str
    script: Callable[[Stage], Script]
    takeover: str = ""
    options: tuple[str, ...] = ("",)
    everybody: bool = False
    phase: int = 0
    frequent: bool = False
    prepares: int = 0

    def attack(self, stage: Stage) -> Script:
        """Its script on this stage. Nothing happens once the campaign's time is up, whatever the script has in mind."""
        script = self.script(stage)
        planned = next(script, None)
        while planned is not None and planned.time < stage.until:
            answered = yield planned
            try:
                planned = script.send(answered)
            except StopIteration:
                return


_ALL = (
    Attacker(
        name="guessing",
        technique="T1110.001",
        about="a dictionary against one account",
        script=guessing,
        options=("fast", "slow"),
    ),
    Attacker(
        name="spraying-fast",
        technique="T1110.003",
        about="one common password against everybody, from a few servers",
        script=spraying_fast,
        everybody=True,
        phase=80,
    ),
    Attacker(
        name="spraying-slow",
        technique="T1110.003",
        about="one try per account per day over 1,000 residential addresses",
        script=spraying_slow,
        everybody=True,
    ),
    Attacker(
        name="stuffing",
        technique="T1110.004",
        about="a leaked list through residential proxies",
        script=stuffing,
        everybody=True,
        phase=60,
    ),
    Attacker(
        name="takeover-naive",
        technique="T1078",
        about="the right password from anywhere in the world",
        script=takeover_naive,
        takeover="naive",
    ),
    Attacker(
        name="takeover-vpn",
        technique="T1078",
        about="the right password through an exit of a VPN",
        script=takeover_vpn,
        takeover="vpn",
        options=("same-country", "elsewhere"),
    ),
    Attacker(
        name="takeover-targeted",
        technique="T1078",
        about="the right password from the victim's town, with their kind of browser",
        script=takeover_targeted,
        takeover="targeted",
        options=("rival", "same-provider"),
    ),
    Attacker(
        name="takeover-very-targeted",
        technique="T1078",
        about="the right password from the victim's network, with their very agent, at their hours",
        script=takeover_very_targeted,
        takeover="very-targeted",
    ),
    Attacker(
        name="session-theft",
        technique="T1539",
        about="on in the victim's session, from elsewhere",
        script=session_theft,
        options=("copied-agent", "other-agent"),
        frequent=True,
    ),
    Attacker(
        name="code-guessing",
        technique="T1111",
        about="the right password, then code after code in sessions side by side",
        script=code_guessing,
    ),
    Attacker(
        name="push-bombing",
        technique="T1621",
        about="prompt after prompt at night",
        script=push_bombing,
        frequent=True,
    ),
    Attacker(
        name="factor-tampering",
        technique="T1556.006",
        about="in once, then factors, mail address and password are changed",
        script=factor_tampering,
        options=("relayed", "session"),
        frequent=True,
    ),
    Attacker(
        name="insider-export",
        technique="T1530",
        about="a person with every right takes out copies in bulk",
        script=insider_export,
        frequent=True,
    ),
    Attacker(
        name="token-replay",
        technique="T1550.001",
        about="a session that was left, or a used grant, is shown again",
        script=token_replay,
        options=("signed-out", "used-grant"),
        frequent=True,
    ),
    Attacker(
        name="poisoning",
        technique="T1078",
        about="30 days of small good attempts to become a habit, then a takeover",
        script=slow.poisoning,
        options=(slow.ONLY_ALLOWED, slow.MANY_DEVICES, slow.ALTERNATING, slow.MALWARE),
        frequent=True,
        prepares=slow.LASTS,
    ),
)
ATTACKERS: Mapping[str, Attacker] = {one.name: one for one in _ALL}
