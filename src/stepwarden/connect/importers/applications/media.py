"""Media servers, and what runs beside them at home.

The wordings are those of each application's public source; of Emby, its documentation's.
"""

from typing import Final

from stepwarden.connect.importers.applications.messages import IP, Message, failed, passed

_HEAD: Final = r"^.{0,256}?"
"""What may stand before a message: time, program, level. Further behind, it is text of somebody's choice."""
_PORT: Final = r"\]?(?::\d{1,5})?"
"""What may follow an address of version 6 in brackets; of version 4 ``IP`` takes the port."""
_JSON: Final = r"(?P<user>(?:[^\"\\]|\\.)*)\""
"""The rest of a string of JSON; quotes in it are escaped."""
_WORD: Final = r"(?:\"(?:[^\"\\]|\\.){0,512}\"|\S{1,512})"
"""A value as Go's text loggers write it: in quotes where it is more than a word, quotes in it escaped."""

# The server's own words stand last, so the last address counts. A name is in quotes in files, and bare elsewhere.
_JELLYFIN: Final = (
    r"(?: has been denied(?: because this account is currently disabled)?"
    r"| forbidden: remote access disabled and user not in local network"
    rf"| is not allowed at this time due parental restrictions) \(IP: \"?{IP}\"?\)\.\s*$"
)
_SEERR: Final = rf" \{{\"ip\":\"{IP}\",\"email\":\"{_JSON}"
_SEERR_MEDIA: Final = rf" \{{\"ip\":\"{IP}\",\"jellyfinUsername\":\"{_JSON}"
# Host and query are the visitor's, without spaces: the address counts that the server writes behind them.
_ADGUARD: Final = r"\[error\] POST \S+ /control/login\S*: "
_TECHNITIUM: Final = rf"{_HEAD}\] \[\[?{IP}{_PORT}\] "


def _navidrome(status: int) -> str:
    """The line of the request log. The login's is the whole path: a query may say anything."""
    return (
        r"msg=\"HTTP: POST https?://[^/?\"\\]{1,256}(?:/[^?\"\\]{0,256})?/auth/login\" elapsedTime=\S{1,32} "
        rf"httpStatus={status} remoteAddr=\"?\[?{IP}{_PORT}\"?"
        rf"(?: requestId={_WORD} responseSize=\d{{1,12}}(?: userAgent=\"(?P<agent>[^\"]{{0,2048}})\")?)?"
    )


def _gotify(status: str) -> str:
    return rf"\[GIN\] \S+ - \S+ \| {status} \|[^|]{{1,20}}\| +{IP} \| POST {{5}}\"/client\""


def _servarr(result: str) -> str:
    """The address is the server's and stands first. In files, that of a success is masked: none is given."""
    return rf"{_HEAD}(?:\] Auth: |\|Auth\|)Auth-{result} ip (?:\[?{IP}{_PORT}|\S{{1,48}}) username '(?P<user>.*)'"


def _sabnzbd(said: str) -> str:
    """The first address is the one that SABnzbd goes by; the list behind it is the visitor's."""
    return (
        # Only a time and syslog's head before it: what a browser calls itself may go on to the end of the line.
        r"^(?:[^\[\]]{0,128}sabnzbd\w{0,8}\[\d{1,8}\]: )?[\d :,.TZ+-]{0,32}::[A-Z]{1,16}"
        rf"::\[interface:\d{{1,6}}\] {said} \[?{IP}{_PORT}"
        r"(?: \(X-Forwarded-For: [^)]{0,512}\))?(?: \[(?P<agent>.*)\])?"
    )


_FAILED: Final = (
    # Older versions gave no address: what stands there is the server's, as the visitor calls it.
    failed(
        "AdGuard Home",
        ": invalid username or password",
        rf"{_ADGUARD}(?:from ip \[?{IP}{_PORT}: )?invalid username or password\s*$",
    ),
    # AUTH-ERROR also says that a token has expired: that is no sign-in.
    failed(
        "Emby",
        " - Invalid username or password entered",
        rf"AUTH-ERROR: \[?{IP}{_PORT} - Invalid username or password entered",
    ),
    # A client is made with the name and the password; its name is in no line. With a token one can be made, too.
    failed("Gotify", 'POST     "/client"', _gotify("40[13]")),
    # Each request without a valid token is written about: those of the login's steps alone are sign-ins.
    failed(
        "Home Assistant",
        "Requested URL: '/auth/login_flow/",
        r"Login attempt or request with invalid authentication from \S{1,256} "
        rf"\({IP}\)\. Requested URL: '/auth/login_flow/\S*'\.(?: \((?P<agent>.*)\))?",
    ),
    # The name may hold the words that stand behind it: the last ones are the server's.
    failed(
        "Immich",
        "Failed login attempt for user ",
        rf"{_HEAD}Failed login attempt for user (?P<user>.*) from ip address {IP}(?:\x1b\[[\d;]{{0,8}}m)?\s*$",
    ),
    failed(
        "Jellyfin",
        "Authentication request for ",
        rf"{_HEAD}Authentication request for \"?(?P<user>.*?)\"?{_JELLYFIN}",
    ),
    failed(
        "Jellyfin",
        "Authentication request without username has been denied",
        rf"Authentication request without username{_JELLYFIN}",
    ),
    failed(
        "Jellyseerr",
        "Failed login attempt from user with",
        r"Failed login attempt from user with[\w ]{1,80} \{\"account\":"
        rf"\{{(?:\"ip\":\"{IP}\",)?\"email\":\"{_JSON}",
    ),
    failed(
        "Jellyseerr",
        "Failed sign-in attempt by unimported Jellyfin user",
        r"Failed sign-in attempt by unimported Jellyfin user [\w ]{1,80} "
        rf"\{{\"ip\":\"{IP}\",\"jellyfinUserId\":\"\w{{1,64}}\",\"jellyfinUsername\":\"{_JSON}",
    ),
    failed(
        "Jellyseerr",
        "Failed sign-in attempt using invalid Jellyseerr password",
        rf"using invalid Jellyseerr password{_SEERR}",
    ),
    failed(
        "Jellyseerr",
        "Failed sign-in attempt using invalid Seerr password",
        rf"using invalid Seerr password{_SEERR}",
    ),
    # "Unsuccessful login" has the name, but no address, and is skipped. Successes are written at level debug.
    failed("Navidrome", '/auth/login" elapsedTime=', _navidrome(401)),
    # Players sign in with each request; only failures are written.
    failed(
        "Navidrome",
        'msg="API: Invalid login"',
        rf"msg=\"API: Invalid login\" (?:auth=\S{{1,32}} )?error={_WORD} remoteAddr=\"?\[?{IP}{_PORT}\"? "
        rf"(?:requestId={_WORD} )?username=\"?(?P<user>.*?)\"?\s*$",
    ),
    failed("Ombi", "Failed login attempt by IP: ", rf"Failed login attempt by IP: \[?{IP}{_PORT}\s*$"),
    # Jellyseerr's messages until it had a name of its own for them.
    failed(
        "Overseerr",
        "Failed sign-in attempt using invalid Overseerr password",
        rf"using invalid Overseerr password{_SEERR}",
    ),
    failed(
        "Overseerr",
        "Failed sign-in attempt by Plex user",
        rf"Failed sign-in attempt by Plex user[\w ]{{1,80}}{_SEERR}",
    ),
    failed(
        "Overseerr",
        "Failed sign-in attempt by unimported Plex user",
        rf"Failed sign-in attempt by unimported Plex user[\w ]{{1,80}}{_SEERR}",
    ),
    # Also of a banned address: somebody tried to sign in.
    failed(
        "qBittorrent",
        "WebAPI login failure. Reason: ",
        rf"WebAPI login failure\. Reason: .{{1,80}}?, IP: \[?{IP}{_PORT}, username: (?P<user>.*)$",
    ),
    failed("SABnzbd", "] Unsuccessful login attempt from ", _sabnzbd("Unsuccessful login attempt from")),
    failed("SABnzbd", "] Mislukte login poging van ", _sabnzbd("Mislukte login poging van")),
    # Sonarr, Radarr, Prowlarr, Lidarr, Readarr and Whisparr say the same, and not which of them they are.
    failed("Servarr", "Auth-Failure ip ", _servarr("Failure")),
    failed(
        "Technitium DNS",
        "WebServiceException: Invalid username or password",
        rf"{_TECHNITIUM}[\w.]{{1,64}}: Invalid username or password(?: for user)?: (?P<user>.*)$",
    ),
    failed(
        "Technitium DNS",
        "Invalid time-based one-time password (TOTP) was attempted for user: ",
        rf"{_TECHNITIUM}[\w.]{{1,64}}: Invalid time-based one-time password \(TOTP\) was attempted for user: "
        r"(?P<user>.*)$",
    ),
)
_PASSED: Final = (
    passed(
        "AdGuard Home",
        " successfully logged in from ip ",
        rf"{_HEAD}auth: user \"(?P<user>.*)\" successfully logged in from ip {IP}\s*$",
        proved=("pwd",),
    ),
    passed(
        "AdGuard Home",
        "successful login user=",
        rf"{_HEAD}successful login user=\"?(?P<user>.*?)\"? ip={IP}\s*$",
        proved=("pwd",),
    ),
    passed("Gotify", 'POST     "/client"', _gotify("200")),
    # From where, Jellyfin does not say.
    passed(
        "Jellyfin",
        "Authentication request for ",
        rf"{_HEAD}Authentication request for \"?(?P<user>.*?)\"? has succeeded\.\s*$",
        proved=("pwd",),
    ),
    passed(
        "Jellyseerr",
        "Found matching Jellyfin user; updating user with Jellyfin",
        rf"updating user with Jellyfin{_SEERR_MEDIA}",
        proved=("pwd",),
    ),
    passed(
        "Jellyseerr",
        "Found matching Emby user; updating user with Emby",
        rf"updating user with Emby{_SEERR_MEDIA}",
        proved=("pwd",),
    ),
    passed("Navidrome", '/auth/login" elapsedTime=', _navidrome(200), proved=("pwd",)),
    passed(
        "qBittorrent",
        "WebAPI login success. IP: ",
        rf"{_HEAD}WebAPI login success\. IP: {IP}\s*$",
        proved=("pwd",),
    ),
    passed("SABnzbd", "] Successful login from ", _sabnzbd("Successful login from"), proved=("pwd",)),
    passed("Servarr", "Auth-Success ip ", _servarr("Success"), proved=("pwd",)),
    passed("Technitium DNS", "] User logged in.", rf"{_TECHNITIUM}\[(?P<user>.*)\] User logged in\.\s*$"),
)
MESSAGES: Final[tuple[Message, ...]] = (*_FAILED, *_PASSED)
"""Failures first: a name in one may hold the words of a success, also of another application's."""
