"""What time must not do: keep an elevation alive, bring one back, or make a stranger somebody known."""

from collections.abc import Iterator

import pytest

from tests.stories.asking import CHROME
from tests.threats.clocked_house import ClockedHouse, open_clocked_house
from tests.threats.page_browser import PageBrowser
from tests.threats.threat_house import Person

MINUTES = 60
DAY = 86_400


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClockedHouse]:
    with open_clocked_house(tmp_path_factory.mktemp("clocked") / "data") as found:
        yield found


def elevated(house: ClockedHouse) -> Person:
    """Somebody whose session has just been proved."""
    person = house.person().sign_in().with_totp()
    asked = person.ask("vault.open")
    grant = person.answer(asked, "totp", person.code()).json()["grant"]
    assert person.ask("vault.open", grant=grant)["decision"] == "allow"
    return person


@pytest.mark.parametrize(
    ("later", "allowed"), [(0, True), (210, True), (299, True), (301, False), (390, False)]
)
def test_attack_elevation_never_drops(house: ClockedHouse, later: int, allowed: bool) -> None:
    """Five minutes after the proof, by our own clock, the action takes another: 90 seconds before, on, and after."""
    person = elevated(house)
    house.seconds += later
    assert (person.ask("vault.open")["decision"] == "allow") is allowed


@pytest.mark.parametrize("back", [90, 400, DAY])
def test_attack_the_clock_is_set_back(house: ClockedHouse, back: int) -> None:
    """What was over stays over when the machine's clock goes back; nothing is fresh for longer by it."""
    person = elevated(house)
    at = house.seconds
    house.seconds += 301
    assert person.ask("vault.open")["decision"] != "allow"
    try:
        house.seconds -= back
        assert person.ask("vault.open")["decision"] != "allow"
    finally:
        house.seconds = at + 302
    assert person.ask("vault.open")["decision"] != "allow"


def test_attack_a_client_asks_for_longer_freshness(house: ClockedHouse) -> None:
    """``max_age`` asks for more than the policy, never for less."""
    person = elevated(house)
    house.seconds += 120
    assert person.ask("vault.open", max_age=60)["decision"] != "allow"
    house.seconds += 240
    assert person.ask("vault.open", max_age=DAY)["decision"] != "allow"


def test_attack_old_grants_tickets_and_challenges(house: ClockedHouse) -> None:
    """Each is over when its time is: a ticket after a minute, a grant and a challenge after five."""
    person = house.person().sign_in().with_totp()
    first, second = person.transfer(1), person.transfer(2)
    grant = person.answer(first, "totp", person.code()).json()["grant"]
    ticket = house.http.post(f"/v1/actors/{person.actor}/pages", json={"proved": ["pwd"]}).json()["url"]
    house.seconds += 61
    assert PageBrowser(house.url).go(ticket).status_code == 404
    house.seconds += 240
    assert house.http.post("/v1/grants/redeem", json={"grant": grant}).content == b'{"active":false}'
    parameters = {"amount": 101, "to": "DE02"}
    assert person.ask("transfer", parameters=parameters, grant=grant)["decision"] != "allow"
    late = person.answer(second, "totp", person.code_now())
    assert (late.status_code, late.json()["code"]) == (409, "challenge.closed")


def test_attack_habits_drift_for_thirty_days(house: ClockedHouse) -> None:
    """A thief who knows the password tries once a day from a device and network of their own: never becomes a habit."""
    owner = house.person().sign_in().with_totp()
    thief = {"ip": "93.3.3.3", "user_agent": CHROME, "device": {"id": "thief"}}
    for day in range(30):
        house.seconds += DAY
        asked = owner.ask("login", session="", **thief)
        assert asked["decision"] != "allow", day
        # The application is told that the password was right, and then that the attempt came to nothing; or lied to.
        if asked["decision"] == "step_up":
            owner.tell(asked, "unknown", proved=["pwd"])
            owner.tell(asked, "success" if day % 2 else "failure", proved=["pwd"], session=f"stolen-{day}")
            assert owner.ask("vault.open", session=f"stolen-{day}", **thief)["decision"] != "allow"
        at_home = owner.ask("login", session="")
        if at_home["decision"] == "allow":
            owner.tell(at_home, "success", proved=["pwd"], session=f"home-{day}")
    house.seconds += DAY
    asked = owner.ask("login", session="", **thief)
    assert asked["decision"] != "allow"
    assert {"new-device", "new-network"} <= {reason["rule"] for reason in asked["reasons"]}
