"""Identity providers, password managers, and gateways that people sign in to.

**Whose address.** Each message's is the one that the application itself believes. Guacamole writes the list of
``X-Forwarded-For`` and behind it the peer: where the peer is of a private network it is a proxy, and the address
before it, which that proxy wrote, counts; any other peer counts itself. OpenSearch Dashboards knows the peer alone.

**Second factors.** A code that is refused is a failed sign-in. Authelia tells of each factor that is passed, and its
first is enough for many sites: each is a success, which says what it proved.
"""

import re
from typing import Final

from stepwarden.connect.importers.applications.messages import IP, Message, failed, passed

_ESCAPED: Final = r'(?:[^"\\]|\\.)'
"""A character of a quoted text in which quotes are escaped, as logrus and JSON write them."""
_QUOTED: Final = rf'"{_ESCAPED}*+"'
_FROM: Final = (
    rf"(?:(?: error=(?:{_QUOTED}|\S{{1,256}}))? method=[A-Z]{{1,16}} path=(?:{_QUOTED}|[^\s\"]{{1,2048}}) remote_ip="
    rf"|,\"path\":{_QUOTED},\"remote_ip\":)\"?{IP}(?:.*\"time\":\"(?P<time>[^\"]{{19,40}})\")?"
)
"""What follows Authelia's message, as text or as JSON: there the time comes last."""
_BY: Final = rf"(?P<user>{_ESCAPED}*)'"
_PRIVATE: Final = (
    r"(?:10\.|127\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|::1|[Ff][CcDd][0-9A-Fa-f]{2}:|[Ff][Ee]80:)"
    r"[0-9A-Fa-f:.]{0,45}"
)
_GUACAMOLE: Final = rf"(?:\[(?:[0-9A-Fa-f:., ]{{1,1024}}?, )??)?{IP}(?:, {_PRIVATE})?\]?"
_CAS_END: Final = rf"\|{IP}\|[0-9A-Fa-f:.]{{2,48}}>?$"
_DASHBOARDS: Final = (
    rf"(?=[?\"])(?:[^\"\\]|\\.)*+\",\"method\":\"post\",.*\"remoteAddress\":\"{IP}\""
    rf"(?:,\"userAgent\":\"(?P<agent>{_ESCAPED}*+)\")?"
)

_AUTHELIA: Final = (
    # The name's own single quotes are not escaped: the last one ends it. A name that nobody has is told once more
    # without it by version 4.39 and later ("by user ''"): two failures, because nothing in the lines joins them.
    failed(
        "Authelia",
        "authentication attempt by user '",
        rf"\"Unsuccessful \w{{1,16}} authentication attempt by user '{_BY}"
        rf"(?:: {_ESCAPED}{{0,512}}| and they are banned until [^\"]{{1,64}})?\"{_FROM}",
    ),
    failed(
        "Authelia",
        "' which usually indicates they do not exist",
        rf"\"Error occurred getting details for user with username input '{_BY}"
        rf" which usually indicates they do not exist\"{_FROM}",
    ),
    passed(
        "Authelia",
        "Successful 1FA authentication attempt made by user '",
        rf"\"Successful 1FA authentication attempt made by user '{_BY}\"{_FROM}",
        proved=("pwd",),
    ),
    passed(
        "Authelia",
        "Successful Duo authentication attempt made by user '",
        rf"\"Successful Duo authentication attempt made by user '{_BY}\"{_FROM}",
    ),
    passed(
        "Authelia",
        "Successful Passkey authentication attempt made by user '",
        rf"\"Successful Passkey authentication attempt made by user '{_BY}\"{_FROM}",
        proved=("pop",),
    ),
    passed(
        "Authelia",
        "Successful TOTP authentication attempt made by user '",
        rf"\"Successful TOTP authentication attempt made by user '{_BY}\"{_FROM}",
        proved=("otp",),
    ),
    passed(
        "Authelia",
        "Successful WebAuthn authentication attempt made by user '",
        rf"\"Successful WebAuthn authentication attempt made by user '{_BY}\"{_FROM}",
        proved=("pop",),
    ),
)

_BITWARDEN: Final = (
    # The server knows the name, and does not write it.
    failed("Bitwarden", "] Failed login attempt. ", rf"\] Failed login attempt\. {{1,2}}{IP}$"),
    failed(
        "Bitwarden", "] Failed login attempt, 2FA invalid. ", rf"\] Failed login attempt, 2FA invalid\. {IP}$"
    ),
)

_CAS: Final = (
    # Nothing is escaped. The name stands twice, before the outcome too: failures come first, so that no name makes a
    # failure anything else; and the last two addresses are the client's and the server's.
    failed("CAS", "|AUTHENTICATION_FAILED|", rf"\|AUTHENTICATION_FAILED\|(?P<user>.*){_CAS_END}"),
    passed(
        "CAS",
        "|AUTHENTICATION_SUCCESS|",
        rf"[\[|]UsernamePasswordCredential\(username=[^|]*+\|AUTHENTICATION_SUCCESS\|(?P<user>[^|]*+){_CAS_END}",
        proved=("pwd",),
    ),
    passed("CAS", "|AUTHENTICATION_SUCCESS|", rf"\|AUTHENTICATION_SUCCESS\|(?P<user>.*){_CAS_END}"),
)

_GUACAMOLE_MESSAGES: Final = (
    failed(
        "Guacamole",
        " - Authentication attempt from ",
        rf" - Authentication attempt from {_GUACAMOLE} for user \"(?P<user>.*)\" failed[.:]",
    ),
    # The password was right, or none was asked for, and something else is: neither failure nor success.
    Message(
        "Guacamole",
        " - Authentication attempt from ",
        re.compile(
            rf" - Authentication attempt from {_GUACAMOLE} for user \"(?P<user>.*)\""
            r" requires additional credentials to continue"
        ),
        "unknown",
    ),
    passed(
        "Guacamole",
        '" successfully authenticated from ',
        rf" - User \"(?P<user>.*)\" successfully authenticated from {_GUACAMOLE}\.?$",
    ),
    passed(
        "Guacamole",
        '") successfully authenticated from ',
        rf" - User \"(?P<user>.*)\" \(authenticated by \"[^\"]{{1,128}}\"\)"
        rf" successfully authenticated from {_GUACAMOLE}$",
    ),
)

_LEMONLDAP: Final = (
    # The sum of what several schemes (Combination) said. Modules that do not write the address (Demo) are not read:
    # the name could then end with one.
    failed(
        "LemonLDAP::NG",
        "[warn] All schemes failed for user ",
        rf"\[warn\] All schemes failed for user (?P<user>.*) \({IP}\)$",
    ),
    failed("LemonLDAP::NG", "[warn] Bad password for ", rf"\[warn\] Bad password for (?P<user>.*) \({IP}\)$"),
    failed(
        "LemonLDAP::NG",
        "Lemonldap::NG : Bad password for ",
        rf"Lemonldap::NG : Bad password for (?P<user>.*) \({IP}\)$",
    ),
    failed(
        "LemonLDAP::NG",
        " was not found in LDAP directory (",
        rf"(?:\[warn\]|Lemonldap::NG :) (?P<user>.*) was not found in LDAP directory \({IP}\)$",
    ),
    passed(
        "LemonLDAP::NG",
        " Session granted for ",
        rf"(?:\[notice\]|Lemonldap::NG :) Session granted for (?P<user>.*) by (?:LDAP|AD|DBI) \({IP}\)$",
        proved=("pwd",),
    ),
    passed(
        "LemonLDAP::NG",
        " Session granted for ",
        rf"(?:\[notice\]|Lemonldap::NG :) Session granted for (?P<user>.*) by \w{{1,64}} \({IP}\)$",
    ),
)

_OPENSEARCH: Final = (
    # The body, which holds the name, is not written. Quotes in what the browser sent are escaped.
    failed(
        "OpenSearch Dashboards",
        '"method":"post","statusCode":401,"req":{"url":"/auth/login',
        rf"\"method\":\"post\",\"statusCode\":401,\"req\":\{{\"url\":\"/auth/login{_DASHBOARDS}",
    ),
    passed(
        "OpenSearch Dashboards",
        '"method":"post","statusCode":200,"req":{"url":"/auth/login',
        rf"\"method\":\"post\",\"statusCode\":200,\"req\":\{{\"url\":\"/auth/login{_DASHBOARDS}",
        proved=("pwd",),
    ),
)

_VAULTWARDEN: Final = (
    failed(
        "Vaultwarden",
        "Username or password is incorrect. Try again. IP: ",
        rf"Try again\. IP: {IP}\. (?:Device: .*|Username: (?P<user>.*))\.$",
    ),
    failed(
        "Vaultwarden",
        "Username or access code is incorrect. Try again. IP: ",
        rf"Username or access code is incorrect\. Try again\. IP: {IP}\. Username: (?P<user>.*)\.$",
    ),
    failed(
        "Vaultwarden",
        "This user has been disabled. IP: ",
        rf"This user has been disabled\. IP: {IP}\. Username: (?P<user>.*)\.$",
    ),
    failed(
        "Vaultwarden",
        "This user has been disabled (API key login). IP: ",
        rf"This user has been disabled \(API key login\)\. IP: {IP}\. Username: (?P<user>.*)\.$",
    ),
    failed(
        "Vaultwarden",
        "Please verify your email before trying again.. IP: ",
        rf"Please verify your email before trying again\.\. IP: {IP}\. Username: (?P<user>.*)\.$",
    ),
    failed(
        "Vaultwarden",
        "Incorrect client_secret. IP: ",
        rf"Incorrect client_secret\. IP: {IP}\. (?:Organization|Username): (?P<user>.*)\.$",
    ),
    failed("Vaultwarden", "Invalid client_id. IP: ", rf"Invalid client_id\. IP: {IP}\.$"),
    failed("Vaultwarden", "Invalid admin token. IP: ", rf"Invalid admin token\. IP: {IP}$"),
    failed(
        "Vaultwarden",
        "Invalid TOTP code! Server time: ",
        rf"Invalid TOTP code! Server time: .{{1,64}}IP: {IP}$",
    ),
    failed("Vaultwarden", "[ERROR] Token is invalid! IP: ", rf"\[ERROR\] Token is invalid! IP: {IP}$"),
    failed("Vaultwarden", "[ERROR] No token available! IP: ", rf"\[ERROR\] No token available! IP: {IP}$"),
    # Says nothing of how: a password, an approved request, or another provider.
    passed(
        "Vaultwarden",
        "[vaultwarden::api::identity][INFO] User ",
        r"\[vaultwarden::api::identity\]\[INFO\] User (?P<user>.*) logged in successfully(?: via API key)?\. "
        rf"IP: {IP}$",
    ),
)

MESSAGES: Final[tuple[Message, ...]] = (
    *_AUTHELIA,
    *_BITWARDEN,
    *_CAS,
    *_GUACAMOLE_MESSAGES,
    *_LEMONLDAP,
    *_OPENSEARCH,
    *_VAULTWARDEN,
)
