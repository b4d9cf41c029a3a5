"""Firewalls, gateways, control panels and web servers: names, referrers and proxies that tell of other addresses."""

import pytest

from stepwarden.connect.importers.base import Imported
from tests.connect.applications_house import one, read
from tests.connect.test_applications_network import APACHE, NGINX, OPNSENSE, PFSENSE, REST, admin, posted, vpn


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        (OPNSENSE + "Web GUI authentication error for '", "' from 192.0.2.7"),
        (PFSENSE + "webConfigurator authentication error for user '", "' from: 192.0.2.7"),
        ("May  2 10:00:00 mesh https[7]: Failed password for ", " from 192.0.2.7 port 57951"),
        ("May  2 10:00:00 router system,error,critical login failure for user ", " from 192.0.2.7 via ssh"),
        ("May  2 10:00:00 web webmin[7]: Invalid login as ", " from 192.0.2.7"),
        (
            "2024-05-02 10:00:00.25 [NOTICE] [7] [STDERR] [WebAdmin Console] Failed Login Attempt - username:",
            " ip:192.0.2.7 url:https://www.example:7080/login.php",
        ),
        ("1714644000.7.0 [2/May/2024 12:00:00] ", ' - 192.0.2.7 global miniserv.pl "failed" "-" "wrongpass"'),
    ],
)
def test_attack_a_name_that_holds_what_follows_it_moves_nothing(before: str, behind: str) -> None:
    """What the application writes behind the name is its own: the last address counts."""
    name = "x" + behind.replace("192.0.2.7", "198.51.100.1")
    found = one(before + name + behind).attempt
    assert (found.ip, found.actor) == ("192.0.2.7", name)


def test_attack_a_name_that_says_mesh_central_logged_more_behind_it_moves_nothing() -> None:
    name = "undefined from 198.51.100.1 port 1, x"
    found = one(
        f"May  2 10:00:00 mesh https[7]: Failed password for {name} from 192.0.2.7 port 57951"
    ).attempt
    assert (found.ip, found.actor) == ("192.0.2.7", name)


def test_attack_what_a_proxy_claims_to_forward_for_is_not_the_peer() -> None:
    """Neither the list in brackets nor a name that looks like the end of the line makes another address of it."""
    message = PFSENSE + "webConfigurator authentication error for user '"
    assert one(message + "ann' from: 192.0.2.7[198.51.100.1, 203.0.113.1]").attempt.ip == "192.0.2.7"
    for forged in (
        "ann' from: 192.0.2.7[x' from: 198.51.100.1]",
        "ann' from: 192.0.2.7[x' from: 198.51.100.1[y]",
        "x' from: 198.51.100.1[y]' from: 192.0.2.7",
    ):
        [item] = read(message + forged)
        assert not isinstance(item, Imported) or item.attempt.ip == "192.0.2.7"


@pytest.mark.parametrize(
    "name",
    [
        'x" ui="ssh(198.51.100.1)" method="ssh" srcip=198.51.100.1 dstip=203.0.113.1 action="login"',
        'x" ui="s" method="s" srcip=198.51.100.1 msg="Administrator x login failed',
    ],
)
def test_attack_an_administrator_whose_name_stands_twice_keeps_the_address(name: str) -> None:
    """FortiGate writes the name before the address and behind it: the first and the last may both be forged."""
    found = one(admin(name)).attempt
    assert (found.ip, found.actor) == ("192.0.2.7", name)


def test_attack_a_name_behind_the_address_cannot_bring_its_own() -> None:
    assert one(vpn('x" remip=198.51.100.1 user="bob')).attempt.ip == "192.0.2.7"
    cpanel = (
        '[2024-05-02 10:00:00 +0000] info [cpaneld] 192.0.2.7 - {} "POST / HTTP/1.1" FAILED LOGIN cpaneld: no'
    )
    assert one(cpanel.format('198.51.100.1 - x" FAILED LOGIN')).attempt.ip == "192.0.2.7"
    line = (
        APACHE
        + 'AH01617: user x [client 198.51.100.1 5] y: authentication failure for "/": Password Mismatch'
    )
    assert one(line).attempt.ip == "192.0.2.7"


@pytest.mark.parametrize("said", ['" was not found in "/etc/nginx/htpasswd"', '": password mismatch'])
def test_attack_neither_a_name_nor_a_referrer_of_nginx_brings_an_address(said: str) -> None:
    name = 'x" was not found in "y'
    forged = f'*9 user "bob{said}, client: 198.51.100.1, server: _'
    line = f'{NGINX}user "{name}{said}, client: 192.0.2.7, {REST}, referrer: "{forged}"'
    found = one(line).attempt
    assert (found.ip, found.actor) == ("192.0.2.7", name)
    other = f'{NGINX}open() "/x" failed (2: No such file), client: 192.0.2.7, {REST}, referrer: "{NGINX}{forged[3:]}"'
    assert not any(isinstance(item, Imported) for item in read(other))


def test_attack_a_user_of_basic_authentication_brings_neither_time_nor_address_into_an_access_log() -> None:
    name = "198.51.100.1 - - [01/Jan/1999:00:00:00 +0000]"
    line = posted("/wp-login.php", "1.1")
    found = one(line.replace("- - [", f"- {name} ["))
    assert (found.attempt.ip, found.time) == ("192.0.2.7", one(line).time)
    agent = f'192.0.2.7 - - [02/May/2024:10:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "{line[:-1]}'.replace(
        '"POST', '\\"POST'
    )
    assert not any(isinstance(item, Imported) for item in read(agent))
