"""Media servers, and what runs beside them: who signed in, and from where."""

import pytest

from stepwarden.connect.importers.applications import media
from stepwarden.connect.importers.base import Skipped
from tests.connect.applications_house import Example, holds, one, read
from tests.connect.applications_media import HASS, JELLYFIN, LOGIN, NAVIDROME, SEERR, SUBSONIC, TECHNITIUM

EXAMPLES = (
    Example(
        "AdGuard Home",
        "2024/01/26 06:43:57.223387 [error] POST dns.example /control/login: from ip 192.0.2.7: "
        "invalid username or password",
        "",
        "192.0.2.7",
    ),
    Example(
        "AdGuard Home",
        "2023/02/21 08:05:56.233208 [error] POST 198.51.100.1 /control/login: invalid username or password",
        "",
        "",
    ),
    Example(
        "AdGuard Home",
        '2024/01/26 06:43:57.223387 [info] auth: user "ann" successfully logged in from ip 2001:db8::7',
        "ann",
        "2001:db8::7",
        "success",
    ),
    Example(
        "AdGuard Home",
        "2025/06/01 06:43:57.223387 [info] webapi: successful login user=ann ip=192.0.2.7",
        "ann",
        "192.0.2.7",
        "success",
    ),
    Example(
        "Emby",
        "2024-02-14 18:01:07.092 Warn Server: AUTH-ERROR: 192.0.2.7 - Invalid username or password entered.",
        "",
        "192.0.2.7",
    ),
    Example(
        "Gotify",
        '[GIN] 2024/02/07 - 10:49:33 | 401 |     505.317µs |       192.0.2.7 | POST     "/client"',
        "",
        "192.0.2.7",
    ),
    Example(
        "Gotify",
        '[GIN] 2024/02/07 - 10:49:33 | 200 |   51.5317ms |     2001:db8::7 | POST     "/client"',
        "",
        "2001:db8::7",
        "success",
    ),
    Example(
        "Home Assistant",
        HASS.format(host="a.example (192.0.2.7)", url="/auth/login_flow/0af1"),
        "",
        "192.0.2.7",
    ),
    Example(
        "Immich",
        "[Nest] 7  - 08/02/2024, 7:32:47 PM    WARN [AuthService] Failed login attempt for user ann@example.com "
        "from ip address 192.0.2.7",
        "ann@example.com",
        "192.0.2.7",
    ),
    Example(
        "Immich",
        "\x1b[33m[Nest] 7  - \x1b[39m08/02/2024, 7:32:47\u202fPM \x1b[33m   WARN\x1b[39m \x1b[33m[Api:AuthService~x]"
        "\x1b[39m \x1b[33mFailed login attempt for user ann@example.com from ip address 2001:db8::7\x1b[39m",
        "ann@example.com",
        "2001:db8::7",
    ),
    Example(
        "Jellyfin", JELLYFIN.format(said='for "ann" has been denied (IP: "192.0.2.7").'), "ann", "192.0.2.7"
    ),
    Example(
        "Jellyfin",
        "2024-07-18T10:22:17+02:00 home jellyfin[742]: [10:22:17] [INF] Authentication request for ann lee "
        "has been denied (IP: 2001:db8::7).",
        "ann lee",
        "2001:db8::7",
    ),
    Example(
        "Jellyfin",
        JELLYFIN.format(
            said='for "ann" has been denied because this account is currently disabled (IP: "192.0.2.7").'
        ),
        "ann",
        "192.0.2.7",
    ),
    Example(
        "Jellyfin",
        JELLYFIN.format(
            said='for "ann" forbidden: remote access disabled and user not in local network (IP: "192.0.2.7").'
        ),
        "ann",
        "192.0.2.7",
    ),
    Example(
        "Jellyfin",
        JELLYFIN.format(
            said='for "ann" is not allowed at this time due parental restrictions (IP: "192.0.2.7").'
        ),
        "ann",
        "192.0.2.7",
    ),
    Example(
        "Jellyfin",
        JELLYFIN.format(said='without username has been denied (IP: "192.0.2.7").'),
        "",
        "192.0.2.7",
    ),
    Example("Jellyfin", JELLYFIN.format(said='for "ann" has succeeded.'), "ann", "", "success"),
    Example(
        "Jellyseerr",
        SEERR.format(
            tag="warn][Auth",
            said='Failed login attempt from user with incorrect Jellyfin credentials {"account":'
            '{"ip":"::ffff:192.0.2.7","email":"ann","password":"__REDACTED__"}}',
        ),
        "ann",
        "192.0.2.7",
    ),
    Example(
        "Jellyseerr",
        SEERR.format(
            tag="warn][API",
            said="Failed sign-in attempt by unimported Jellyfin user with access to the media server "
            '{"ip":"192.0.2.7","jellyfinUserId":"0af1","jellyfinUsername":"ann"}',
        ),
        "ann",
        "192.0.2.7",
    ),
    Example(
        "Jellyseerr",
        SEERR.format(
            tag="warn][API",
            said='Failed sign-in attempt using invalid Jellyseerr password {"ip":"192.0.2.7","email":"ann","userId":3}',
        ),
        "ann",
        "192.0.2.7",
    ),
    Example(
        "Jellyseerr",
        SEERR.format(
            tag="warn][API",
            said='Failed sign-in attempt using invalid Seerr password {"ip":"192.0.2.7","email":"ann"}',
        ),
        "ann",
        "192.0.2.7",
    ),
    Example(
        "Jellyseerr",
        SEERR.format(
            tag="info][API",
            said='Found matching Jellyfin user; updating user with Jellyfin {"ip":"2001:db8::7",'
            '"jellyfinUsername":"ann"}',
        ),
        "ann",
        "2001:db8::7",
        "success",
    ),
    Example(
        "Jellyseerr",
        SEERR.format(
            tag="info][API",
            said='Found matching Emby user; updating user with Emby {"ip":"192.0.2.7","jellyfinUsername":"ann"}',
        ),
        "ann",
        "192.0.2.7",
        "success",
    ),
    Example(
        "Navidrome",
        NAVIDROME.format(level="warning", url=LOGIN, status=401, address="192.0.2.7"),
        "",
        "192.0.2.7",
    ),
    Example(
        "Navidrome",
        NAVIDROME.format(level="debug", url=LOGIN, status=200, address='"[2001:db8::7]:50122"'),
        "",
        "2001:db8::7",
        "success",
    ),
    Example("Navidrome", SUBSONIC.format(request="nd/Yz-1", user="ann"), "ann", "2001:db8::7"),
    Example(
        "Ombi",
        "2024-02-11 14:07:54.110 +02:00 [Warning] Failed login attempt by IP: 192.0.2.7",
        "",
        "192.0.2.7",
    ),
    Example(
        "Overseerr",
        SEERR.format(
            tag="warn][API",
            said="Failed sign-in attempt using invalid Overseerr password "
            '{"ip":"::ffff:192.0.2.7","email":"ann@example.com"}',
        ),
        "ann@example.com",
        "192.0.2.7",
    ),
    Example(
        "Overseerr",
        SEERR.format(
            tag="warn][API",
            said="Failed sign-in attempt by Plex user without access to the media server "
            '{"ip":"192.0.2.7","email":"ann@example.com","plexId":7}',
        ),
        "ann@example.com",
        "192.0.2.7",
    ),
    Example(
        "Overseerr",
        SEERR.format(
            tag="warn][API",
            said="Failed sign-in attempt by unimported Plex user with access to the media server "
            '{"ip":"192.0.2.7","email":"ann@example.com","plexId":7}',
        ),
        "ann@example.com",
        "192.0.2.7",
    ),
    Example(
        "qBittorrent",
        "(W) 2024-11-26T13:37:02 - WebAPI login failure. Reason: invalid credentials, attempt count: 1, "
        "IP: ::ffff:192.0.2.7, username: ann",
        "ann",
        "192.0.2.7",
    ),
    Example(
        "qBittorrent",
        "(W) 2024-11-26T13:37:02 - WebAPI login failure. Reason: IP has been banned, IP: 2001:db8::7, username: ann",
        "ann",
        "2001:db8::7",
    ),
    Example(
        "qBittorrent",
        "(N) 2024-11-26T01:26:58 - WebAPI login success. IP: 2001:db8::7",
        "",
        "2001:db8::7",
        "success",
    ),
    Example(
        "SABnzbd",
        "2024-07-20 12:27:52,797::WARNING::[interface:657] Unsuccessful login attempt from 192.0.2.7 "
        "[Mozilla/5.0 (X11)]",
        "",
        "192.0.2.7",
    ),
    Example(
        "SABnzbd",
        "2024-07-20 12:29:00,034::WARNING::[interface:657] Mislukte login poging van [2001:db8::7]:50122 "
        "[Mozilla/5.0 (X11)]",
        "",
        "2001:db8::7",
    ),
    Example(
        "SABnzbd",
        "2024-07-20 12:29:00,034::INFO::[interface:640] Successful login from 192.0.2.7",
        "",
        "192.0.2.7",
        "success",
    ),
    Example(
        "Servarr",
        "Oct  9 19:34:12 home Radarr[33523]: [Warn] Auth: Auth-Failure ip 192.0.2.7 username 'ann'",
        "ann",
        "192.0.2.7",
    ),
    Example("Servarr", "2024-10-09 11:55:12.1|Warn|Auth|Auth-Failure ip ::1 username 'ann'", "ann", "::1"),
    Example(
        "Servarr",
        "Oct  9 19:34:18 home Sonarr[33523]: [Info] Auth: Auth-Success ip 192.0.2.7 username 'ann'",
        "ann",
        "192.0.2.7",
        "success",
    ),
    Example(
        "Servarr",
        "2024-10-09 11:55:12.1|Info|Auth|Auth-Success ip 192.*.*.7 username 'ann'",
        "ann",
        "",
        "success",
    ),
    Example(
        "Technitium DNS",
        TECHNITIUM.format(
            remote="192.0.2.7:50051",
            said="DnsServerCore.DnsWebServiceException: Invalid username or password for user: ann",
        ),
        "ann",
        "192.0.2.7",
    ),
    Example(
        "Technitium DNS",
        TECHNITIUM.format(
            remote="[2001:db8::7]:50051",
            said="DnsServerCore.WebServiceException: Invalid username or password: ann",
        ),
        "ann",
        "2001:db8::7",
    ),
    Example(
        "Technitium DNS",
        TECHNITIUM.format(
            remote="192.0.2.7:50051",
            said="DnsServerCore.DnsWebServiceException: Invalid time-based one-time password (TOTP) was attempted "
            "for user: ann",
        ),
        "ann",
        "192.0.2.7",
    ),
    Example(
        "Technitium DNS",
        TECHNITIUM.format(remote="192.0.2.7:50051", said="[ann] User logged in."),
        "ann",
        "192.0.2.7",
        "success",
    ),
)

NO_ATTEMPTS = (
    "2024/01/26 06:43:57.223387 [error] POST dns.example /control/login: from ip 192.0.2.7: auth: blocked for 15m",
    "2024-02-14 18:01:07.092 Warn Server: AUTH-ERROR: 192.0.2.7 - Access token is invalid or expired.",
    '[GIN] 2024/02/07 - 10:49:33 | 401 |     505.317µs |       192.0.2.7 | GET      "/client"',
    '[GIN] 2024/02/07 - 10:49:33 | 401 |     505.317µs |       192.0.2.7 | POST     "/message"',
    HASS.format(host="192.0.2.7 (192.0.2.7)", url="/api/websocket"),
    "2024-06-21 07:08:44.470 WARNING (MainThread) [homeassistant.components.http.ban] Banned IP 192.0.2.7 for too "
    "many login attempts",
    "[Nest] 7  - 08/02/2024, 7:32:47 PM    WARN [AuthService] Denied access to admin only route: /api/users",
    "[2024-02-12 12:16:05.729 +01:00] [WRN] [79] Jellyfin.Server.Implementations.Users.UserManager: Disabling user "
    '"ann" due to 3 unsuccessful login attempts.',
    NAVIDROME.format(level="warning", url="https://music.example/api/song", status=401, address="192.0.2.7"),
    'time="2025-01-30T05:07:30Z" level=warning msg="Unsuccessful login" request="map[]" requestId=x username=ann',
    "Oct  9 19:34:12 home Radarr[33523]: [Info] Auth: Auth-Unauthorized ip 192.0.2.7 url '/api/v3/movie'",
    "Oct  9 19:34:12 home Radarr[33523]: [Info] Auth: Auth-Logout ip 192.0.2.7 username 'ann'",
    "2024-07-20 12:29:00,034::WARNING::[interface:300] Refused connection from: 192.0.2.7 [Mozilla/5.0]",
    TECHNITIUM.format(remote="192.0.2.7:50051", said="[ann] User logged out."),
    TECHNITIUM.format(
        remote="192.0.2.7:50051",
        said="DnsServerCore.TwoFactorAuthRequiredWebServiceException: A time-based one-time password (TOTP) is "
        "required for user: ann",
    ),
)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.application} {example.outcome}")
def test_a_line_says_who_from_where_and_how_it_ended(example: Example) -> None:
    holds(example)


@pytest.mark.parametrize("line", NO_ATTEMPTS)
def test_what_is_no_sign_in_is_skipped(line: str) -> None:
    [item] = read(line)
    assert isinstance(item, Skipped), item


def test_each_message_has_an_example() -> None:
    """Each is the first of the table that matches one of the examples."""
    seen = {
        next(i for i, m in enumerate(media.MESSAGES) if m.hint in e.line and m.pattern.search(e.line))
        for e in EXAMPLES
    }
    assert seen == set(range(len(media.MESSAGES)))


def test_the_time_is_the_applications_own() -> None:
    """Afternoon is afternoon, also behind the narrow space that newer runtimes write."""
    morning, afternoon, narrow = (
        one(
            f"[Nest] 7  - 08/02/2024, 7:32:47{half}    WARN [AuthService] Failed login attempt for user ann "
            "from ip address 192.0.2.7"
        ).time
        for half in (" AM", " PM", "\u202fPM")
    )
    assert afternoon == narrow == morning + 12 * 3_600_000_000


def test_the_browser_is_read_where_it_is_written() -> None:
    lines = (
        NAVIDROME.format(level="warning", url=LOGIN, status=401, address="192.0.2.7"),
        HASS.format(host="a.example (192.0.2.7)", url="/auth/login_flow/0af1"),
        "2024-07-20 12:27:52,797::WARNING::[interface:657] Unsuccessful login attempt from 192.0.2.7 "
        "(X-Forwarded-For: 198.51.100.1) [Mozilla/5.0 (X11)]",
    )
    assert {one(line).attempt.user_agent for line in lines} == {"Mozilla/5.0 (X11)"}
