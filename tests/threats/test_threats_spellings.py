"""One value, one spelling: whatever is nearly a ticket, a code, a cookie, a draft or a report is none.

Each parser is shown the right value in other spellings first, and the right one last: so it is seen that none of
the others was taken, and none used the right one up.
"""

import json
from time import time
from urllib.parse import urlsplit

import httpx
import pytest

from stepwarden.connect.couriers.signing import read_secret, sign
from stepwarden.gateway.operation import Operation
from stepwarden.gateway.operations import OPERATIONS
from tests.threats.page_browser import PageBrowser
from tests.threats.threat_house import CALLBACK, SECRET, SHOP, House, Person

BODIES = [row for row in OPERATIONS if row.example.startswith("{") and row.scope is not None]
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def spellings(text: str) -> list[str]:
    """Other texts that careless readers take for this one."""
    last = _ALPHABET[_ALPHABET.index(text[-1]) ^ 1] if text[-1] in _ALPHABET else "A"
    found = [
        text + "=",
        text + "==",
        " " + text,
        text + " ",
        text + "\n",
        text[:5] + "\n" + text[5:],
        text[:5] + "." + text[5:],
        text + "\x00",
        text + "A",
        text[:-1],
        text[:-1] + last,
        text.swapcase(),
        text.replace("-", "+").replace("_", "/") if set("-_") & set(text) else text + "/",
        "".join(chr(ord(letter) + 0xFEE0) for letter in text),
    ]
    return [one for one in found if one != text]


def test_attack_a_ticket_in_another_spelling(house: House) -> None:
    """None of them enters, and none uses the ticket up."""
    person = house.person(device=False).sign_in()
    url = httpx.URL(
        house.http.post(f"/v1/actors/{person.actor}/pages", json={"proved": ["pwd"]}).json()["url"]
    )
    for text in spellings(url.params["ticket"]):
        reply = PageBrowser(house.url, person.ip).go(str(url.copy_set_param("ticket", text)))
        assert reply.status_code in (400, 404), text
    twice = PageBrowser(house.url, person.ip).go(f"{url}&ticket={url.params['ticket']}")
    assert twice.status_code == 400
    assert PageBrowser(house.url, person.ip).go(str(url)).status_code == 200


def passed_on_our_page(house: House, person: Person) -> tuple[str, str]:
    """Challenge and code, from a page where the device was to be remembered."""
    browser = PageBrowser(house.url, person.ip)
    browser.go(person.transfer()["challenge"]["url"] + f"?return_to={SHOP}/")
    reply = browser.submit("/answer", form={"factor": "totp"}, answer=person.code(), remember="on")
    params = httpx.URL(reply.headers["location"]).params
    return params["challenge"], params["code"]


def test_attack_a_code_of_our_page_in_another_spelling(house: House) -> None:
    """None of them collects anything; the right one does, once."""
    person = house.person().sign_in().with_totp()
    challenge, code = passed_on_our_page(house, person)
    path = f"/v1/challenges/{challenge}/collect"
    for text in spellings(code):
        assert house.http.post(path, json={"code": text}).status_code in (409, 422), text
    for name in spellings(challenge)[9:12]:
        assert house.http.post(f"/v1/challenges/{name}/collect", json={"code": code}).status_code in (
            404,
            409,
        )
    assert house.http.post(path, json={"code": code}).status_code == 200
    assert house.http.post(path, json={"code": code}).status_code == 409


def test_attack_a_device_cookie_in_another_spelling(house: House) -> None:
    """A remembered device is known by its very cookie, with its own kind of browser, for its own person."""
    person = house.person().sign_in().with_totp()
    challenge, code = passed_on_our_page(house, person)
    cookie = house.http.post(f"/v1/challenges/{challenge}/collect", json={"code": code}).json()["device"]
    assert cookie

    def remembered(token: str, **more: object) -> bool:
        body = person.asks("balance.read", device={"token": token}, **more)
        reply = house.http.post("/v1/attempts", json=body)
        if reply.status_code == 422:
            return False
        return "remembered-device" in {reason["rule"] for reason in reply.json()["reasons"]}

    for text in spellings(cookie):
        assert not remembered(text), text
    assert not remembered(cookie, actor=house.person().sign_in().actor)
    assert not remembered(cookie, user_agent="curl/8.0")
    assert remembered(cookie)
    assert house.http.post(f"/v1/actors/{person.actor}/devices/forget", json={}).status_code == 200
    assert not remembered(cookie)


def test_attack_a_draft_in_another_spelling(house: House) -> None:
    """A passkey is enrolled under the draft that it was made for, and under no other text or person."""
    person, other = house.person().sign_in(), house.person().sign_in()
    begun = house.http.post(f"/v1/actors/{person.actor}/factors/webauthn/options", json={}).json()
    made = person.passkey.register(json.dumps(begun["options"]), house.url)
    path = "/v1/actors/{}/factors/webauthn"
    for text in spellings(begun["draft"]):
        reply = house.http.post(path.format(person.actor), json={"draft": text, "answer": made})
        assert reply.status_code in (404, 409, 422), text
    stolen = house.http.post(path.format(other.actor), json={"draft": begun["draft"], "answer": made})
    assert stolen.status_code in (404, 409, 422)
    assert house.http.get(f"/v1/actors/{other.actor}/factors").json()["factors"] == []


@pytest.mark.parametrize(
    "around", [" {}", "{} ", "{}\n", "+{}", "-{}", "0{}", "{}.0", "{}e0", "0x{}", "\uff10{}"]
)
def test_attack_a_code_in_another_spelling(house: House, around: str) -> None:
    """Blanks and hyphens between digits are how people read codes aloud; nothing else is a code."""
    person = house.person().sign_in().with_totp()
    asked = person.transfer()
    code = person.code()
    reply = person.answer(asked, "totp", around.format(code))
    if around in (" {}", "{} ", "-{}"):
        assert reply.status_code in (200, 403)
    else:
        assert reply.status_code in (403, 422), reply.text


def signed_report(house: House, body: str) -> httpx.Response:
    headers = sign(
        read_secret(SECRET, name="push.secret"),
        id=f"m{time()}".replace(".", "-"),
        seconds=int(time()),
        body=body.encode(),
    )
    return house.http.post(
        "/v1/push/answer", content=body, headers={"content-type": "application/json", **headers}
    )


def test_attack_a_push_report_in_another_spelling(house: House) -> None:
    """Rightly signed, and yet no report: keys twice, fields of nobody, other types, another number of the same."""
    person = house.person().sign_in()
    person.with_address("push")
    challenge = person.ask("note.confirm", resource="note/1")["challenge"]["id"]
    before = len(house.entries(person.actor))
    for body in (
        f'{{"challenge":"{challenge}","answer":"deny","answer":"approve"}}',
        f'{{"challenge":"{challenge}","answer":"approve","number":" 42"}}',
        f'{{"challenge":"{challenge}","answer":"approve","number":"+42"}}',
        f'{{"challenge":"{challenge}","answer":"approve","number":42}}',
        f'{{"challenge":"{challenge}","answer":"approve","number":"4_2"}}',
        f'{{"challenge":"{challenge}","answer":"Approve"}}',
        f'{{"challenge":"{challenge}","answer":true}}',
        f'{{"challenge":"{challenge}","answer":"approve","extra":1}}',
        f'[{{"challenge":"{challenge}","answer":"approve"}}]',
        f'{{"challenge":"{challenge}\\n","answer":"approve"}}',
        f'\ufeff{{"challenge":"{challenge}","answer":"approve"}}',
        f'{{"challenge":"{challenge}","answer":"approve"}} {{}}',
        "",
    ):
        assert signed_report(house, body).status_code == 401, body
    assert len(house.entries(person.actor)) == before


@pytest.mark.parametrize("row", BODIES, ids=lambda row: row.name)
def test_attack_a_key_twice_in_every_body(house: House, row: Operation) -> None:
    """Two readers would see two values: refused as no JSON, before anything is looked at."""
    example, path, media = row.example, row.path, row.media[0]
    for name, value in (row.parameters or {}).items():
        path = path.replace("{" + name + "}", value)
    found = json.loads(example) or {"attempt": ""}
    first = next(iter(found))
    twice = f'{{"{first}":{json.dumps(found[first])},' + (
        example.lstrip("{") if json.loads(example) else '"attempt":""}'
    )
    for body in (
        twice,
        example + "{}",
        "\ufeff" + example,
        example.replace("{", "{,", 1),
        example[:-1] + ",}",
    ):
        reply = house.http.post(path, content=body.encode(), headers={"content-type": media})
        assert reply.status_code in (400, 422), (path, body)


def test_attack_a_form_in_another_spelling(house: House) -> None:
    """A field twice, broken escapes, other alphabets, too many fields: refused, and never half read."""
    person = house.person().sign_in().with_totp()
    browser = PageBrowser(house.url, person.ip)
    browser.go(person.transfer()["challenge"]["url"])
    action, fields = browser.form("/answer")
    good = "&".join(
        f"{name}={value}" for name, value in {**fields, "answer": person.code()}.items() if name != "remember"
    )
    for body in (
        good + f"&answer={person.wrong_code()}",
        good + f"&csrf={fields['csrf']}",
        good.replace("answer=", "answer=%ff"),
        good.replace("answer=", "answer=%zz"),
        good + "".join(f"&x{number}=1" for number in range(40)),
        good.replace("&", ";"),
        good.encode("utf-16").decode("latin-1"),
    ):
        reply = browser.http.post(
            action,
            content=body.encode("latin-1"),
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        assert reply.status_code in (303, 400, 403), body
        if reply.status_code == 303:
            assert "note=not_accepted" in reply.headers["location"], body
    assert not house.entries(person.actor, "challenge.passed")


@pytest.mark.parametrize(
    "change",
    [
        "&client_id={client}",
        "&redirect_uri=https%3A%2F%2Fevil.example%2F",
        "&login_hint=bob",
        "&acr_values=nist-aal1",
        "&max_age=+42",
        "&max_age=4_2",
        "&max_age=042",
        "&prompt=none%20login",
        "&code_challenge_method=plain",
        "&request=eyJhbGciOiJub25lIn0.e30.",
        "&request_uri=https%3A%2F%2Fevil.example%2Frequest",
        "&session=s-1&proved=pwd",
        "&response_mode=fragment",
    ],
)
def test_attack_openid_parameters_in_another_spelling(house: House, change: str) -> None:
    """Each parameter once, in one spelling: an error, told to the registered address or to nobody, and no code."""
    client = house.client_key.split("_")[1]
    url = (
        f"/openid/authorize?client_id={client}&redirect_uri={CALLBACK}&response_type=code&scope=openid&state=s"
        f"&code_challenge={'A' * 43}&code_challenge_method=S256&acr_values=nist-aal2&login_hint=alice"
    )
    browser = PageBrowser(house.url)
    reply = browser.go(url + change.format(client=client))
    location = reply.headers.get("location", "")
    assert reply.status_code == 400 or (
        location.startswith(CALLBACK) and "error=" in urlsplit(location).query and "code=" not in location
    ), (reply.status_code, location)
