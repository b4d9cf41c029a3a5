"""Sessions and prompts: fixed, stolen, never ending, and prompts until somebody gives in."""

from urllib.parse import urlsplit

from tests.stories.asking import CHROME
from tests.threats.page_browser import PageBrowser
from tests.threats.racing import Racers
from tests.threats.threat_house import SHOP, House


def test_attack_the_session_is_fixed_before_the_step_up(house: House) -> None:
    """Who knew the session's id before the step-up has nothing after it: the application goes on under a new one."""
    person = house.person().sign_in().with_totp()
    fixed = "fixed-by-mallory"
    asked = person.ask("login", session=fixed, device={"id": "new"}, user_agent=CHROME)
    assert asked["decision"] == "step_up", asked
    person.tell(asked, "unknown", proved=["pwd"])
    passed = person.answer(asked, "totp", person.code()).json()
    assert passed["session"] not in ("", fixed, person.session)
    allowed = person.ask(
        "login", session=fixed, device={"id": "new"}, user_agent=CHROME, grant=passed["grant"]
    )
    assert allowed["decision"] == "allow", allowed
    person.tell(allowed, "success", proved=["pwd"], session=passed["session"])
    seen = {"device": {"id": "new"}, "user_agent": CHROME}
    assert person.ask("vault.open", session=passed["session"], **seen)["decision"] == "allow"
    assert person.ask("vault.open", session=fixed, **seen)["decision"] != "allow"


def test_attack_every_step_up_gives_another_session_id(house: House) -> None:
    """No two passes suggest the same id, and none can be guessed from another: 144 random bits each."""
    person = house.person().sign_in().with_passkey()
    found = set()
    for number in range(5):
        asked = person.transfer(number)
        found.add(person.answer(asked, "webauthn", person.sign(asked)).json()["session"])
    assert len(found) == 5
    assert all(len(one) == 24 for one in found)


def test_attack_a_cookie_of_the_account_page_is_planted(house: House) -> None:
    """Fixation: a session cookie that was there before somebody enters is worth nothing, and the new one is new."""
    person = house.person(device=False).sign_in()
    browser = PageBrowser(house.url, person.ip)
    planted = "A" * 32
    browser.http.cookies.set("stepwarden-account", planted, domain="localhost.local", path="/")
    found = house.http.post(f"/v1/actors/{person.actor}/pages", json={"proved": ["pwd"]}).json()
    entered = browser.http.get(found["url"])
    made = [one for one in entered.headers.get_list("set-cookie") if one.startswith("stepwarden-account=")]
    assert len(made) == 1
    assert planted not in made[0]
    thief = PageBrowser(house.url, person.ip)
    assert thief.go("/account", cookie=f"stepwarden-account={planted}").status_code == 403


def test_attack_the_cookie_of_the_account_page_is_stolen(house: House) -> None:
    """In another browser it opens nothing: the page is bound to the browser that entered."""
    person = house.person(device=False).sign_in()
    browser = PageBrowser(house.url, person.ip)
    url = house.http.post(f"/v1/actors/{person.actor}/pages", json={"proved": ["pwd"]}).json()["url"]
    assert browser.go(url).status_code == 200
    cookies = {one.name: one.value or "" for one in browser.http.cookies.jar}
    session = cookies["stepwarden-account"]
    thief = PageBrowser(house.url, person.ip)
    thief.go("/account")
    own = {one.name: one.value or "" for one in thief.http.cookies.jar}["stepwarden"]
    reply = thief.go("/account", cookie=f"stepwarden={own}; stepwarden-account={session}")
    assert reply.status_code == 403
    assert person.actor not in reply.text
    assert browser.go("/account").status_code == 200


def test_attack_every_cookie_of_the_account_page_is_stolen(house: House) -> None:
    """All cookies of the browser, in another program and network: the page asks for a proof, and shows nothing."""
    person = house.person(device=False).sign_in().with_totp()
    browser = PageBrowser(house.url, person.ip)
    browser.go(house.http.post(f"/v1/actors/{person.actor}/pages", json={"proved": ["pwd"]}).json()["url"])
    assert browser.submit("/answer", form={"factor": "totp"}, answer=person.code()).status_code == 200
    assert "/account/remove" in browser.page
    thief = PageBrowser(house.url, "93.6.6.6", **{"user-agent": CHROME})
    for one in browser.http.cookies.jar:
        thief.http.cookies.set(one.name, one.value or "", domain=one.domain, path="/")
    reply = thief.go("/account")
    assert "/account/remove" not in reply.text
    assert reply.status_code == 403 or urlsplit(str(reply.url)).path.startswith("/step-up/")
    decided = house.entries(person.actor, "attempt.decided")[-1]
    assert (decided["facts"]["action"], decided["decision"] == "allow") == ("security.open", False)
    assert "/account/remove" not in thief.go("/account/totp").text


def test_attack_an_entered_page_is_entered_again(house: House) -> None:
    """Entering anew ends what was there: the former cookie is dead, and the ticket is used up."""
    person = house.person(device=False).sign_in()
    path = f"/v1/actors/{person.actor}/pages"
    browser = PageBrowser(house.url, person.ip)
    first, second = (house.http.post(path, json={"proved": ["pwd"]}).json()["url"] for _ in range(2))
    assert browser.go(first).status_code == 200
    cookies = {one.name: one.value or "" for one in browser.http.cookies.jar}
    assert browser.go(second).status_code == 200
    old = f"stepwarden={cookies['stepwarden']}; stepwarden-account={cookies['stepwarden-account']}"
    assert PageBrowser(house.url, person.ip).go("/account", cookie=old).status_code == 403
    assert PageBrowser(house.url, person.ip).go(first).status_code == 404


def test_attack_a_stolen_session_is_used_elsewhere(house: House) -> None:
    """Another network and browser under the same session: challenged or refused where its owner passes."""
    owner = house.person().sign_in()
    assert owner.ask("balance.read")["decision"] == "allow"
    stolen = owner.ask("balance.read", ip="93.7.7.7", user_agent=CHROME, device={"id": "thief"})
    assert stolen["decision"] in ("step_up", "deny")
    assert {"session-agent", "session-network"} <= {reason["rule"] for reason in stolen["reasons"]}
    assert owner.ask("balance.read")["decision"] == "allow"


def test_attack_a_stolen_session_of_an_elevated_person(house: House) -> None:
    """Freshly proved, so the session holds AAL2; in another browser it has to be proved for the very action."""
    owner = house.person().sign_in().with_totp()
    asked = owner.ask("vault.open")
    grant = owner.answer(asked, "totp", owner.code()).json()["grant"]
    assert owner.ask("vault.open", grant=grant)["decision"] == "allow"
    assert owner.ask("vault.open")["decision"] == "allow"
    assert owner.ask("vault.open", user_agent=CHROME, device={"id": "thief"})["decision"] != "allow"


def test_attack_a_revoked_session_goes_on(house: House) -> None:
    """After "sign out everywhere" nothing that the session held, or was about to be given, counts."""
    person = house.person().sign_in().with_totp()
    before = person.ask("vault.open")
    grant = person.answer(before, "totp", person.code()).json()["grant"]
    pending = person.transfer()
    reply = house.http.post(f"/v1/actors/{person.actor}/sessions/revoke", json={"reason": "request 4711"})
    assert reply.status_code == 200, reply.text
    assert person.ask("vault.open", grant=grant)["decision"] != "allow"
    answered = person.answer(pending, "totp", person.code())
    if answered.status_code == 200:
        again = person.ask(
            "transfer", parameters={"amount": 101, "to": "DE02"}, grant=answered.json()["grant"]
        )
        assert again["decision"] != "allow"
    assert person.ask("vault.open")["decision"] != "allow"


def test_attack_twenty_prompts(house: House) -> None:
    """Push bombing: of twenty sign-ins in a row three prompt somebody; the rest is refused, and is evidence."""
    person = house.person().sign_in()
    to = person.with_address("push")
    decisions, sent = [], 0
    for number in range(20):
        asked = person.ask("login", session="", device={"id": f"bomber-{number}"}, user_agent=CHROME)
        decisions.append(asked["decision"])
        if asked["decision"] != "step_up":
            continue
        person.tell(asked, "unknown", proved=["pwd"])
        browser = PageBrowser(house.url, "93.5.5.5")
        browser.go(asked["challenge"]["url"])
        if browser.reply.status_code == 200:
            sent += browser.submit("/send", form={"factor": "push"}).status_code == 200
    arrived = [one for one in house.receiver.messages if one["data"]["to"] == to and one["type"] == "push"]
    assert sent == len(arrived) == 3
    assert decisions.count("deny") >= 16, decisions
    last = person.ask("login", session="")
    assert "challenge-bombing" in {reason["rule"] for reason in last["reasons"]}


def test_attack_prompts_prepared_beforehand_and_let_go_at_once(house: House) -> None:
    """Twenty challenges, their passwords reported over twenty connections at once: three become ready."""
    person = house.person().sign_in().with_totp()
    asked = [
        person.ask("login", session="", device={"id": f"bomber-{number}"}, user_agent=CHROME)
        for number in range(20)
    ]
    open_ones = [one for one in asked if one["decision"] == "step_up"]
    with Racers(house.url, house.key, len(open_ones)) as racers:
        racers.race(
            [
                (f"/v1/attempts/{one['id']}/outcome", {"outcome": "unknown", "proved": ["pwd"]})
                for one in open_ones
            ]
        )
    codes = [person.answer(one, "totp", "000000").json()["code"] for one in open_ones]
    assert codes.count("challenge.refused") == 3
    assert set(codes) == {"challenge.refused", "challenge.not_ready"}


def test_attack_one_prompt_is_sent_again_and_again(house: House) -> None:
    """Three codes for a challenge and five in ten minutes reach somebody, over pages and API together; then "busy"."""
    person = house.person().sign_in()
    to = person.with_address("sms")
    for number, total in enumerate((3, 5)):
        asked = person.ask("note.confirm", resource=f"note/{number}")
        browser = PageBrowser(house.url, person.ip)
        browser.go(f"{asked['challenge']['url']}?return_to={SHOP}/")
        path = f"/v1/challenges/{asked['challenge']['id']}/send"
        for _ in range(4):
            browser.submit("/send", form={"factor": "sms"})
            reply = house.http.post(path, json={"factor": "sms"})
        assert (reply.status_code, reply.json()["code"]) == (503, "service.busy")
        assert sum(one["data"]["to"] == to for one in house.receiver.messages) == total


def test_attack_a_prompt_is_denied_by_the_person(house: House) -> None:
    """ "This wasn't me" ends the challenge for good and weighs against whoever asks next."""
    person = house.person().sign_in()
    to = person.with_address("push")
    asked = person.ask("note.confirm", resource="note/2")
    browser = PageBrowser(house.url, person.ip)
    browser.go(asked["challenge"]["url"])
    browser.submit("/send", form={"factor": "push"})
    number = "00"  # what the page shows is not sent to the provider, so the provider cannot know it
    assert number not in str(house.receiver.last(to).get("number", ""))
    assert house.pushed(asked["challenge"]["id"], "deny").status_code in (200, 403)
    reply = house.pushed(asked["challenge"]["id"], "approve", number)
    assert reply.status_code == 409
    assert browser.go(urlsplit(asked["challenge"]["url"]).path).status_code == 410
    again = person.ask("login", session="")
    assert "challenge-denied" in {reason["rule"] for reason in again["reasons"]}
