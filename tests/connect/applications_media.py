"""What the tests of media servers share: shapes of their lines."""

NAVIDROME = (
    'time="2025-01-30T05:07:30Z" level={level} msg="HTTP: POST {url}" elapsedTime="792.538µs" httpStatus={status} '
    'remoteAddr={address} requestId=nd/Yz-000001 responseSize=40 userAgent="Mozilla/5.0 (X11)"'
)
LOGIN = "https://music.example/nd/auth/login"
SUBSONIC = (
    'time="2025-01-30T05:07:30Z" level=warning msg="API: Invalid login" auth=subsonic error="invalid authentication" '
    'remoteAddr="[2001:db8::7]:50122" requestId={request} username={user}'
)
JELLYFIN = (
    "[2024-02-12 12:16:05.729 +01:00] [INF] [79] Jellyfin.Server.Implementations.Users.UserManager: "
    "Authentication request {said}"
)
HASS = (
    "2024-06-21 07:08:44.470 WARNING (MainThread) [homeassistant.components.http.ban] Login attempt or request with "
    "invalid authentication from {host}. Requested URL: '{url}'. (Mozilla/5.0 (X11))"
)
TECHNITIUM = "[2025-07-28 05:34:01 UTC] [{remote}] {said}"
SEERR = "2024-06-20T09:52:17.637Z [{tag}]: {said}"
