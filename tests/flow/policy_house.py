"""What the tests about policies in a real log have in common: three policies, the steps of their life, their people."""

from typing import Any

from stepwarden.app.node import Node
from stepwarden.events.attempt import Attempt
from stepwarden.events.encoding import decode
from stepwarden.events.entries import AttemptDecided
from stepwarden.flow.answers import Answer
from stepwarden.flow.policies import StepAsked
from stepwarden.policy.loader import load
from tests.flow.flow_house import House

LIVE = """\
version: 1
name: live
prior: -4
actions:
  login: {sensitivity: 1, demand: none}
  transfer: {sensitivity: 3, demand: aal2}
  "*": {sensitivity: 1, demand: none}
bands:
  - {risk: 0.5, demand: aal2}
rules:
  - {id: first-time, when: actor_logins == 0, weight: 1, reason: You are new here, technique: T1078}
"""
STRICT = LIVE.replace("name: live", "name: strict").replace(
    "1, demand: none}\n  tr", "1, demand: aal2}\n  tr"
)
STRICT = STRICT.replace("id: first-time", "id: a-stranger")
MILD = LIVE.replace("name: live", "name: mild").replace("3, demand: aal2}", "3, demand: none}")
PEOPLE = [f"person{number}" for number in range(24)]
HASH = {name: load(text).hash for name, text in (("live", LIVE), ("strict", STRICT), ("mild", MILD))}


def with_policy(house: House, text: str) -> House:
    """The house with this as its configured file."""
    house.data.mkdir()
    (house.data / "policy.yaml").write_text(text)
    return house


def attempt(actor: str, action: str = "login", session: str = "s") -> Attempt:
    return Attempt(action=action, actor=actor, session=session, ip="198.51.100.7")


async def step(node: Node, name: Any, policy: str = "", **more: Any) -> None:
    await node.service.policies.step(StepAsked(step=name, policy=policy, reason="a test", **more), by="k")


async def trial(node: Node, text: str, share: int = 0, *, alone: bool = False) -> None:
    """The policy in shadow, or with a share in canary."""
    await step(node, "draft", text=text)
    await step(node, "shadow", load(text).hash)
    if share:
        await step(node, "canary", "candidate", share=share, alone=alone)


async def ask(node: Node, action: str = "login") -> dict[str, Answer]:
    return {who: await node.service.decide(attempt(who, action), by="k") for who in PEOPLE}


def decided(house: House) -> list[AttemptDecided]:
    return [entry for entry in map(decode, house.leaves()) if isinstance(entry, AttemptDecided)]
