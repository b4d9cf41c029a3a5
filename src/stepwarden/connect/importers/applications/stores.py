"""File transfer, databases, telephony.

Most of these write names as they came, without escaping what surrounds them. Where a name could then look like the
rest of the line, the pattern takes the whole line to its end and allows no quote or bracket in a name: a line with one
in it is unknown, and never another's address. Patterns begin with the line, and what they allow before the message is
what the application writes there: a message inside a name of another application is none.
"""

from typing import Final

from stepwarden.connect.importers.applications.messages import IP, Message, failed, passed

_STAMP: Final = (
    r"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[T ][\d:.,]{8,15}(?:Z|[+-]\d\d:?\d\d)?)"
)
_ISO: Final = r"\d{4}-\d\d-\d\d [\d:.]{8,15}"
# What containers' and systems' logs may put before a line.
_COMPOSE: Final = r"^(?:[\w.-]{1,64} {1,8}\| )?"
_HEAD: Final = rf"{_COMPOSE}(?:{_STAMP} [\w.-]{{1,255}} [\w./-]{{1,64}}(?:\[\d{{1,10}}\])?: {{0,4}})?"
# Asterisk escapes no quotes, and a call's id is the caller's, too: only the very order of its fields will do.
_SECURITY: Final = (
    rf"{_HEAD}(?:\[[^\]]{{1,40}}\] )?SECURITY\[\d{{1,10}}\](?:\[[\w-]{{1,32}}\])?:? [\w.: ]{{0,96}}"
    "SecurityEvent="
)
_ASTERISK: Final = (
    r"EventTV=\"(?:(?P<time>\d{4}-\d\d-\d\dT[^\"]{1,24})|[^\"]{1,32})\",Severity=\"\w{1,16}\",Service=\"\w{1,16}\","
    r"EventVersion=\"\d{1,4}\",AccountID=\"(?P<user>[^\"]{0,256})\",SessionID=\"[^\"]{0,256}\","
    rf"LocalAddress=\"[^\"]{{1,96}}\",RemoteAddress=\"IPV[46]/\w{{1,8}}/\[?{IP}\]?/\d{{1,5}}\""
)
_MORE: Final = r"(?:,(?:Module|SessionTV)=\"[^\"]{0,64}\"){0,2}$"
_SOFIA: Final = rf"{_HEAD}(?:[\w-]{{1,64}} )?{_ISO}(?: [\d.]{{1,8}}%)? \[WARNING\] sofia_reg\.c:\d{{1,6}} "
# A host name where MySQL looks names up; of localhost there is no address to tell.
_DENIED: Final = (
    r"Access denied for user '(?P<user>.*)'@'{}'(?: \(using password: \w{{2,3}}\))?(?: \([\w.:]{{1,64}}\))?$"
)
_MYSQL: Final = (
    ("MariaDB", "[Warning] Access denied for user '", r"\[Warning\]"),
    ("MySQL", "[Note] Access denied for user '", r"\[Note\]"),
    ("MySQL", "[Server] Access denied for user '", r"\[Note\] \[MY-\d{1,8}\] \[Server\]"),
)
# log_line_prefix is the administrator's choice. Here the address comes first, or is where Amazon's and pgBadger's have
# it; a name before it can have neither shape. Last: none that is known, the name alone is told. The first colon with
# two spaces is behind the severity: what a statement or a name holds of the kind comes later, or is followed by it.
_TEXT: Final = r"(?:[^\":]|:(?!  )){0,512}?"
_SERVER: Final = (
    rf"(?:{_ISO} [\w+-]{{1,8}}(?: \[\d{{1,10}}\]|:)"
    rf"|{_STAMP} [\w.-]{{1,255}} postgres\[\d{{1,10}}\]: \[\d{{1,9}}-\d{{1,3}}\] )"
)
_POSTGRES: Final = (
    rf"{_COMPOSE}(?=\S{{0,48}}[.:]){IP}(?:\(\d{{1,5}}\))? {_ISO} [\w+-]{{1,8}} \[\d{{1,10}}\]{_TEXT}",
    rf"^\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d \w{{1,8}}:{IP}\(\d{{1,5}}\):{_TEXT}",
    rf"{_COMPOSE}{_ISO} [\w+-]{{1,8}} \[\d{{1,10}}\]: (?:\[\d{{1,9}}-\d{{1,3}}\] )?user={_TEXT},"
    rf"client={IP}(?:\(\d{{1,5}}\))? ",
    rf"{_COMPOSE}{_SERVER}{_TEXT}",
)
_REFUSED: Final = r"FATAL:  \w{1,16} authentication failed for user \"(?P<user>[^\"]{0,256})\"$"
_FROM: Final = rf"{_COMPOSE}(?:[0-9A-Fa-f:.]{{2,45}}(?:\(\d{{1,5}}\))? )?{_SERVER}"
_HBA: Final = (
    rf"(?:replication )?(?:connection )?(?:from |for )?host \"{IP}\", user \"(?P<user>[^\"]{{0,256}})\", "
    r"(?!.*[A-Z]:  )"
)
_AUTHORIZED: Final = (
    r"LOG:  (?:replication )?connection authorized: user=(?P<user>\S{1,256})(?: |$)(?!.*[A-Z]:  )"
)
_PROFTPD: Final = (
    rf"^(?:{_STAMP} [\w.-]{{1,255}} proftpd\[\d{{1,10}}\]:? )?[\w.-]{{1,255}} "
    rf"\([^\[\]()]{{0,255}}\[{IP}\]\)(?: -|:) "
)
_PUREFTPD: Final = rf"{_HEAD}\(\?@{IP}\) "
# Brackets and colons are allowed in no name of Windows; so the time in the line is Samba's.
_SAMBA: Final = (
    _HEAD + r" {0,4}Auth: \[[^\]]{1,128}\] user \[[^\]:]{0,256}\]\\\[(?P<user>[^\]:]{1,256})\]"
    r" at \[[^\]]{1,64}\] with \[%s\] status \[NT_STATUS_%s\] workstation \[[^\]:]{0,256}\]"
    r" remote host \[ipv[46]:(?P<ip>[0-9A-Fa-f:.]{2,45}):\d{1,5}\] %s \[[^\]:]{0,256}\]\\\[[^\]:]{0,256}\]%s\."
    r" local host \[[^\]]{1,64}\](?: NETLOGON computer \[[^\]]{0,256}\] trust account \[[^\]]{0,256}\])?"
    r"\s{0,4}(?:#015)?$"
)
_SAMBA_HINT: Final = "] remote host [ipv"
_TEAMSPEAK: Final = (
    rf"{_HEAD}{_ISO}\|INFO {{0,8}}\|Query {{0,16}}\|[ \d]{{0,8}}\|query from \d{{1,10}} "
    rf"\[?{IP}\]?(?::\d{{1,5}})? "
)
# The password of an anonymous user is free text.
_VSFTPD: Final = (
    _HEAD
    + r"(?:\w{3} \w{3} [ \d]?\d \d\d:\d\d:\d\d \d{4} \[pid \d{1,10}\] )?\[(?P<user>[^\"]{0,256})\] %s LOGIN: Client "
    rf"\"{IP}\"(?:, anon password \"(?!.*LOGIN: Client \").*)?$"
)
_WINGS_HEAD: Final = rf"{_HEAD} {{0,2}}[A-Z]{{4,5}}: \[[A-Z][a-z]{{2}} [ \d]\d [\d:.]{{8,15}}\] "
_WINGS: Final = (
    rf" ip=\[?{IP}\]?(?::\d{{1,5}})? (?:method=\w{{1,16}} )?(?:server=[\w-]{{1,64}} )?subsystem=sftp "
    r"username=(?P<user>.*)$"
)

MESSAGES: tuple[Message, ...] = (
    # SECURITY events alone: a NOTICE tells of the same failure again. ChallengeSent is how each sign-in begins, and
    # FailedACL refuses an address.
    failed(
        "Asterisk",
        'SecurityEvent="InvalidAccountID",',
        rf"{_SECURITY}\"InvalidAccountID\",{_ASTERISK}{_MORE}",
    ),
    failed(
        "Asterisk",
        'SecurityEvent="InvalidPassword",',
        rf"{_SECURITY}\"InvalidPassword\",{_ASTERISK}"
        r"(?:,(?:Module|SessionTV|Challenge|ReceivedChallenge|ReceivedHash)=\"[^\"]{0,256}\"){0,5}$",
    ),
    failed(
        "Asterisk",
        'SecurityEvent="ChallengeResponseFailed",',
        rf"{_SECURITY}\"ChallengeResponseFailed\",{_ASTERISK},Challenge=\"[^\"]{{0,256}}\","
        rf"Response=\"[^\"]{{0,256}}\",ExpectedResponse=\"[^\"]{{0,256}}\"{_MORE}",
    ),
    # Where no password was used, the peer's address was all that was asked for: nobody signed in.
    passed(
        "Asterisk",
        ',UsingPassword="1"',
        rf"{_SECURITY}\"SuccessfulAuth\",{_ASTERISK},UsingPassword=\"1\"{_MORE}",
        proved=("pwd",),
    ),
    # A name that does not exist is said not to be found, and with log-auth-failures fails in a second line: it counts
    # twice there rather than never elsewhere. "SIP auth challenge" is how each sign-in begins. The domain is the
    # caller's to choose, and left out.
    *(
        failed(
            "FreeSWITCH",
            f"SIP auth failure ({verb}) on sofia profile '",
            rf"{_SOFIA}SIP auth failure \({verb}\) on sofia profile "
            rf"'[^']{{0,128}}' for \[(?P<user>[^@]{{0,256}})(?:@.*)?\] from ip {IP}$",
        )
        for verb in ("REGISTER", "INVITE")
    ),
    failed(
        "FreeSWITCH",
        " Can't find user [",
        rf"{_SOFIA}Can't find user \[(?P<user>[^@]{{0,256}})(?:@.*)?\] from {IP}$",
    ),
    *(
        failed(name, hint, rf"{_HEAD}[\d:.TZ+ -]{{8,64}}{level} {_DENIED.format(host)}")
        for name, hint, level in _MYSQL
        for host in ("localhost", r"(?P<ip>[^']{1,255})")
    ),
    *(failed("PostgreSQL", 'authentication failed for user "', before + _REFUSED) for before in _POSTGRES),
    # log_destination = csvlog: name, database, process, address.
    failed(
        "PostgreSQL",
        'authentication failed for user ""',
        rf"^{_ISO} [\w+-]{{1,8}},"
        r"\"(?P<user>[^\"]{0,256})\",\"[^\"]{0,256}\",\d{1,10},"
        r"\"(?P<ip>[0-9A-Fa-f:.]{2,45}):\d{1,5}\",[^\"]{1,64},\"[^\"]{0,64}\",[^\"]{1,128},FATAL,\w{5},"
        r"\"\w{1,16} authentication failed for user \"\"",
    ),
    failed(
        "PostgreSQL",
        "no pg_hba.conf entry for ",
        rf"{_FROM}{_TEXT}FATAL:  no pg_hba\.conf entry for {_HBA}",
    ),
    failed("PostgreSQL", "pg_hba.conf rejects ", rf"{_FROM}{_TEXT}FATAL:  pg_hba\.conf rejects {_HBA}"),
    *(passed("PostgreSQL", "connection authorized: user=", before + _AUTHORIZED) for before in _POSTGRES),
    # PAM's own line, and that the most attempts were made, are not counted.
    failed("ProFTPD", " (Login failed): ", rf"{_PROFTPD}(?:USER|ANON) (?P<user>.*) \(Login failed\): "),
    failed(
        "ProFTPD", ": no such user found from ", rf"{_PROFTPD}USER (?P<user>.*): no such user found from "
    ),
    failed(
        "ProFTPD", "SECURITY VIOLATION: ", rf"{_PROFTPD}SECURITY VIOLATION: [Rr]oot login attempted\.? ?$"
    ),
    passed("ProFTPD", ": Login successful.", rf"{_PROFTPD}(?:USER|ANON) (?P<user>.*): Login successful\. ?$"),
    failed(
        "Pterodactyl",
        "failed to validate user credentials (",
        rf"{_WINGS_HEAD}failed to validate user credentials \([^)=]{{1,64}}\){_WINGS}",
    ),
    passed(
        "Pterodactyl",
        "credentials validated and matched to server instance",
        rf"{_WINGS_HEAD}credentials validated and matched to server instance{_WINGS}",
    ),
    failed(
        "Pure-FTPd",
        "[WARNING] Authentication failed for user [",
        rf"{_PUREFTPD}\[WARNING\] Authentication failed for user \[(?P<user>.*)\]$",
    ),
    failed(
        "Pure-FTPd",
        "[WARNING] Can't login as [",
        rf"{_PUREFTPD}\[WARNING\] Can't login as \[(?P<user>.*)\]: account disabled",
    ),
    # The last failure of a connection, which names nobody.
    failed(
        "Pure-FTPd",
        "[ERROR] Too many authentication failures",
        rf"{_PUREFTPD}\[ERROR\] Too many authentication failures$",
    ),
    passed(
        "Pure-FTPd",
        " is now logged in",
        rf"{_PUREFTPD}\[INFO\] (?P<user>.*) is now logged in$",
        proved=("pwd",),
    ),
    # "Successful AuthZ" is what a sign-in was then allowed.
    failed("Samba", _SAMBA_HINT, _SAMBA % (r"[^\]]{1,64}", r"(?!OK\])\w{1,64}", "mapped to", "")),
    passed(
        "Samba",
        _SAMBA_HINT,
        _SAMBA % ("(?:NTLMv1|NTLMv2|MSCHAPv2|LANMan|Plaintext)", "OK", "became", r" \[[^\]]{1,96}\]"),
        proved=("pwd",),
    ),
    passed("Samba", _SAMBA_HINT, _SAMBA % (r"[^\]]{1,64}", "OK", "became", r" \[[^\]]{1,96}\]")),
    failed(
        "TeamSpeak",
        ' attempted to login with account "',
        rf"{_TEAMSPEAK}attempted to login with account \"(?P<user>.*)\" and failed!$",
    ),
    passed(
        "TeamSpeak",
        ' issued: login with account "',
        rf"{_TEAMSPEAK}issued: login with account \"(?P<user>[^\"]{{0,256}})\"(?:\([^\"]{{0,256}}\))?$",
        proved=("pwd",),
    ),
    failed("vsftpd", 'FAIL LOGIN: Client "', _VSFTPD % "FAIL"),
    passed("vsftpd", 'OK LOGIN: Client "', _VSFTPD % "OK"),
)
