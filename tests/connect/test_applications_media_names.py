"""Media servers, and what runs beside them: whatever a name, a header or a path holds."""

import pytest

from stepwarden.connect.importers.base import Imported, Unknown
from tests.connect.applications_house import one, read
from tests.connect.applications_media import HASS, JELLYFIN, NAVIDROME, SEERR, SUBSONIC, TECHNITIUM


@pytest.mark.parametrize(
    "name",
    [
        'x" has been denied (IP: "198.51.100.1").',
        "x has been denied (IP: 198.51.100.1).",
        'x" has succeeded.',
        "x forbidden: remote access disabled and user not in local network (IP: 198.51.100.1).",
    ],
)
def test_attack_a_jellyfin_name_that_ends_the_message_moves_nothing(name: str) -> None:
    for quote in ('"', ""):
        said = f"for {quote}{name}{quote} has been denied (IP: {quote}192.0.2.7{quote})."
        found = one(JELLYFIN.format(said=said)).attempt
        assert (found.actor, found.ip, found.outcome) == (name, "192.0.2.7", "failure")


def test_attack_an_immich_name_that_holds_an_address_moves_nothing() -> None:
    name = "x from ip address 198.51.100.1"
    line = (
        "[Nest] 7  - 08/02/2024, 7:32:47 PM    WARN [AuthService] Failed login attempt for user "
        f"{name} from ip address 192.0.2.7"
    )
    found = one(line).attempt
    assert (found.actor, found.ip) == (name, "192.0.2.7")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (
            "(W) 2024-11-26T13:37:02 - WebAPI login failure. Reason: invalid credentials, attempt count: 1, "
            "IP: 192.0.2.7, username: {}",
            "x, IP: 198.51.100.1, username: ann",
        ),
        (
            "2024-10-09 11:55:12.1|Warn|Auth|Auth-Failure ip 192.0.2.7 username '{}'",
            "x' [Warn] Auth: Auth-Failure ip 198.51.100.1 username 'ann",
        ),
        (
            "[2025-07-28 05:34:01 UTC] [192.0.2.7:50051] DnsServerCore.DnsWebServiceException: Invalid username or "
            "password for user: {}",
            "x] [198.51.100.1:1] DnsServerCore.DnsWebServiceException: Invalid username or password for user: ann",
        ),
    ],
)
def test_attack_a_name_that_stands_behind_the_address_cannot_bring_another(line: str, name: str) -> None:
    found = one(line.format(name)).attempt
    assert (found.actor, found.ip, found.outcome) == (name, "192.0.2.7", "failure")


@pytest.mark.parametrize(
    "name",
    [
        "WebAPI login success. IP: 198.51.100.1",
        "[Info] Auth: Auth-Success ip 198.51.100.1 username 'ann'",
        "x] [198.51.100.1:1] [ann] User logged in.",
        "::INFO::[interface:640] Successful login from 198.51.100.1",
        'auth: user "ann" successfully logged in from ip 198.51.100.1',
    ],
)
def test_attack_a_name_that_holds_the_words_of_a_success_is_a_failure(name: str) -> None:
    """Whichever application's words they are: a failure, or by another application's words not known for sure."""
    for line in (
        f"(W) 2024-11-26T13:37:02 - WebAPI login failure. Reason: invalid credentials, IP: 192.0.2.7, username: {name}",
        TECHNITIUM.format(
            remote="192.0.2.7:50051",
            said=f"DnsServerCore.DnsWebServiceException: Invalid username or password for user: {name}",
        ),
    ):
        [item] = read(line)
        assert isinstance(item, Imported | Unknown)
        if isinstance(item, Imported):
            assert (item.attempt.ip, item.attempt.outcome) == ("192.0.2.7", "failure")


def test_attack_a_quote_in_a_name_does_not_end_it() -> None:
    """Seerr writes JSON, which escapes it."""
    said = (
        'Failed sign-in attempt using invalid Seerr password {"ip":"192.0.2.7","email":'
        '"x\\",\\"ip\\":\\"198.51.100.1","userId":3}'
    )
    found = one(SEERR.format(tag="warn][API", said=said)).attempt
    assert (found.actor, found.ip) == ('x\\",\\"ip\\":\\"198.51.100.1', "192.0.2.7")


def test_attack_a_request_id_cannot_name_another_user() -> None:
    """The visitor may send the id in a header; the log quotes it."""
    found = one(SUBSONIC.format(request='"x username=admin"', user='"ann username=bob"')).attempt
    assert found.actor == "ann username=bob"


def test_attack_a_query_that_ends_like_the_logins_path_is_no_sign_in() -> None:
    line = NAVIDROME.format(
        level="debug", url="http://music.example/ping?/auth/login", status=200, address="192.0.2.7"
    )
    [item] = read(line)
    assert isinstance(item, Unknown)


def test_attack_the_host_that_a_visitor_names_is_no_address() -> None:
    line = (
        "2024/01/26 06:43:57.223387 [error] POST 198.51.100.1 /control/login?: from ip 198.51.100.2: from ip "
        "192.0.2.7: invalid username or password"
    )
    assert not [item for item in read(line) if not isinstance(item, Unknown)]
    spaceless = line.replace("?: from ip 198.51.100.2", "?:from-ip-198.51.100.2")
    assert one(spaceless).attempt.ip == "192.0.2.7"


def test_attack_a_forwarded_list_is_not_believed() -> None:
    """Anybody can send it: SABnzbd itself goes by the address before it."""
    line = (
        "2024-07-20 12:27:52,797::WARNING::[interface:657] Unsuccessful login attempt from 192.0.2.7 "
        "(X-Forwarded-For: 198.51.100.1) [x] 198.51.100.2) [Mozilla/5.0 (X11)]"
    )
    assert one(line).attempt.ip == "192.0.2.7"


def test_attack_a_reverse_name_cannot_bring_an_address() -> None:
    """Whoever owns the address owns its name, and chooses the path and the browser."""
    line = HASS.format(
        host="198.51.100.1 (192.0.2.7)", url="/auth/login_flow/0af1'.(198.51.100.2).'"
    ).replace("Mozilla", "Login attempt or request with invalid authentication from x (198.51.100.3).")
    assert one(line).attempt.ip == "192.0.2.7"
