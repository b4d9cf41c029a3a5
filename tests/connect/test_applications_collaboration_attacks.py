"""Forges, wikis, dashboards, documents, shops: what an attacker writes into a line does not move the address."""

import pytest

from stepwarden.connect.importers.applications.collaboration import MESSAGES
from stepwarden.connect.importers.base import Imported, Unknown
from tests.connect.applications_house import one, read
from tests.connect.test_applications_collaboration import (
    AFTER,
    EXAMPLES,
    FIREFLY,
    GITEA,
    GRAFANA,
    HARBOR,
    HARBOR_END,
    IP,
    KUMA,
    MINIFLUX,
    NGINX,
    ODOO,
    PAPERLESS,
)

FORGED = "198.51.100.1"
MALFORMED = (
    f"{NGINX}Failed login for x{AFTER}{AFTER}",
    f"{NGINX}user x authentication failure for Baikal{AFTER}{AFTER}",
    f"{GITEA}x from y from 192.0.2.7:1: user is inactive [uid: 1, name: ann]",
    f'{HARBOR}[client IP="{FORGED}" user agent="x"]: failed to authenticate user:y, error:z, {IP}" '
    f'user agent="docker/25"]: failed to authenticate user:ann, {HARBOR_END}',
)


BEFORE = (
    # what stands around a name: the name is the attacker's
    (f"{KUMA}WARN: Incorrect username or password for user ", f". IP={IP}", f". IP={FORGED}"),
    (f"{KUMA}WARN: Invalid token provided for user ", f". IP={IP}", f". IP={FORGED}"),
    (f"{ODOO}Login failed for db:main login:", f" from {IP}", f" from {FORGED}"),
    (f"{PAPERLESS}Login failed for user `", f"` from IP `{IP}`.", f"` from IP `{FORGED}`."),
    (
        "Failed login for '",
        f"' from {IP} at 2024-05-02 10:00:00 UTC",
        f"' from {FORGED} at 2024-01-01 00:00:00 UTC",
    ),
    (
        '[2024-05-02 10:00:00,250]  WARN {cps.web:1475} Login failed for user "',
        f'" IP-address: {IP}',
        f'" IP-address: {FORGED}',
    ),
    (
        f'{FIREFLY}Login failed. Attempt for user "',
        f'" failed. ({IP} -> POST:https://money.test/login)',
        f'" failed. ({FORGED} -> POST:https://money.test/login)',
    ),
    (
        f"05/02/24 10:00:00.250000 web_php[7].ERR [{IP}] [Could not retrieve user ",
        " details] at /a.php line 3",
        f" details] web_php[7].ERR [{FORGED}] [Could not retrieve user x details]",
    ),
    (
        f'05/02/24 10:00:00.250000 web_php[7].ERR [{IP}] [Login denied for user "',
        '"] at /a.php line 3',
        f'"] web_php[7].INF [{FORGED}] [Login denied for user "x"]',
    ),
    (
        f"[Thu May 02 10:00:00.25 2024] [php7:notice] [pid 7] [client {IP}:50022] user ",
        " authentication failure for Baikal",
        f" authentication failure for Baikal [client {FORGED}:1] user x authentication failure for Baikal",
    ),
    (
        f'2024-05-02 10:00:00: [error] App: 403: POST /api/sessions: {IP}: Invalid username or password: {{"email":"',
        '"}',
        f": {FORGED}: Invalid username or password: ",
    ),
)


@pytest.mark.parametrize(("before", "after", "forged"), BEFORE)
@pytest.mark.parametrize("name", ["x{}", "{}", "{} y", "{0}{0}"])
def test_attack_a_name_that_holds_an_address_moves_nothing(
    before: str, after: str, forged: str, name: str
) -> None:
    name = name.format(forged)
    found = one(before + name + after)
    assert (found.attempt.ip, found.attempt.outcome) == (IP, "failure")
    assert found.time // 1_000_000 == 1714644000
    assert found.attempt.actor == name[:256]


@pytest.mark.parametrize("place", ["192.0.2.7:1", "[2001:db8::7]:1", "2.2.2.2:22222"])
@pytest.mark.parametrize(
    "name",
    [
        f"x from {FORGED}:1: user does not exist [uid: 0, name: x]",
        f"x from {FORGED}:1: user does not exist [uid: 0, name: ",
        f"x from {FORGED}:1: user does not exist [uid: 0, name: x from {FORGED}:1: user does not exist [uid: 9",
        f" from {FORGED}:1: user does not exist [uid: 0, name: ",
        f"x from {FORGED}:1",
    ],
)
def test_attack_a_name_that_gitea_repeats_moves_nothing(name: str, place: str) -> None:
    """It stands on both sides of the address: neither the first nor the last address need be Gitea's."""
    found = one(f"{GITEA}{name} from {place}: user does not exist [uid: 0, name: {name}]").attempt
    assert (found.ip, found.actor) == (place.rpartition(":")[0].strip("[]"), name)


@pytest.mark.parametrize("line", MALFORMED)
def test_attack_who_forges_what_cannot_be_told_apart_has_a_malformed_address(line: str) -> None:
    found = one(line).attempt
    assert found.outcome == "failure"
    assert found.ip not in (IP, FORGED, "")
    assert " " in found.ip


@pytest.mark.parametrize("filling", ["x", "\U0001f600"])
@pytest.mark.parametrize("length", [600, 1900, 2100])
def test_attack_a_line_that_nginx_cut_off_does_not_end_with_the_forged_client(
    filling: str, length: int
) -> None:
    """nginx keeps 2048 bytes: a long name pushes the real client out of the line."""
    forged = AFTER.replace(IP, FORGED)[:-1]
    line = f"{NGINX}Failed login for x{forged}{filling * length}{AFTER}"
    line = line.encode()[:2047].decode(errors="ignore")
    found = one(line).attempt
    assert found.ip != FORGED


@pytest.mark.parametrize("header", ["unknown", "x" * 300, "' OR 1=1", "<script>", "a b c"])
@pytest.mark.parametrize(
    "line",
    [
        "[ERROR|auth|L83] 2024-05-02T10:00:00: Incorrect username or password from {}",
        f"{KUMA}WARN: Incorrect username or password for user ann. IP={{}}",
        '[2024-05-02 10:00:00,250]  WARN {{cps.web:1475}} Login failed for user "ann" IP-address: {}',
        "2024-05-02 10:00:00: [error] App: 403: POST /api/sessions: {}: Invalid username or password",
        f'{HARBOR}[client IP="{{}}" user agent="docker/25"]: failed to authenticate user:ann, {HARBOR_END}',
        f"{ODOO}Login failed for db:main login:ann from {{}}",
        "2024-05-02 10:00:00,250 ERROR s.s.p.s.X [qtp7-66] Failed login attempt from IP: {}",
    ],
)
def test_attack_a_header_that_is_no_address_hides_no_failure(line: str, header: str) -> None:
    """Where an application takes a header for the address, whatever it is, it is a failure from a malformed one."""
    found = one(line.format(header)).attempt
    assert found.outcome == "failure"
    assert header[:200] in found.ip


def test_attack_a_forwarded_list_that_the_client_began_is_not_believed() -> None:
    """Proxies add to the end of the list: the last address that is not one of theirs is the client's."""
    for forged in (FORGED, f"{FORGED}, 10.0.0.8", "x, 127.0.0.1"):
        seen = f'[client IP="{forged}, {IP}, 10.0.0.3" user agent="x"]'
        line = f"{HARBOR}{seen}: failed to authenticate user:ann, {HARBOR_END}"
        assert one(line).attempt.ip == IP
    line = f'[2024-05-02 10:00:00,250]  WARN {{cps.web:1}} Login failed for user "ann" IP-address: {FORGED}, {IP}'
    assert one(line).attempt.ip == IP


@pytest.mark.parametrize(
    "agent", ['x"]: failed to authenticate user:bob, error:y [client IP="198.51.100.1', 'say "hi"']
)
def test_attack_a_user_agent_with_quotes_hides_no_failure(agent: str) -> None:
    line = f'{HARBOR}[client IP="{IP}" user agent="{agent}"]: failed to authenticate user:ann, {HARBOR_END}'
    found = one(line).attempt
    assert (found.outcome, found.ip in (FORGED, "")) == ("failure", False)


def test_attack_a_quoted_name_of_miniflux_moves_nothing() -> None:
    """slog escapes quotes."""
    name = r"x\" client_ip=198.51.100.1 username=\"admin"
    line = (
        f'{MINIFLUX}msg="Incorrect username or password" authentication_failed=true client_ip={IP} '
        f'user_agent="a\\" username=bob" username="{name}" error="store: unable to find this user: {name}"'
    )
    found = one(line).attempt
    assert (found.ip, found.actor, found.user_agent) == (IP, name, 'a\\" username=bob')


def test_attack_a_path_or_a_referer_of_grafana_moves_nothing() -> None:
    path = r'"/x\" status=401 remote_addr=198.51.100.1 errorMessageID=password-auth.failed "'
    line = (
        f'{GRAFANA}msg="Request Completed" method=GET path={path} status=401 remote_addr={IP} time_ms=9 '
        'referer="https://x/ status=401 remote_addr=198.51.100.1 " errorReason=Unauthorized '
        "errorMessageID=password-auth.failed error=x"
    )
    assert one(line).attempt.ip == IP


def test_each_message_has_an_example() -> None:
    told = [example.line for example in EXAMPLES] + list(MALFORMED)
    for message in MESSAGES:
        assert any(message.hint in line and message.pattern.search(line) for line in told), message


def test_a_log_of_several_applications_is_read_line_by_line() -> None:
    found = read(*(example.line for example in EXAMPLES))
    assert [type(item) for item in found] == [Imported] * len(EXAMPLES)


def test_a_message_in_other_words_is_unknown() -> None:
    [item] = read(f"{ODOO}Login failed for db:main login:ann at 192.0.2.7")
    assert isinstance(item, Unknown)
