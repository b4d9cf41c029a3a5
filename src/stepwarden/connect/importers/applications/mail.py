"""Mail servers: who signed in to fetch or to send.

**Whose address.** What Dovecot, Postfix, Exim, Exchange and nginx call the client: the peer, or whom the proxy named
that they were told to trust. Zimbra writes its proxy as ``ip`` and the client as ``oip``; of a list in ``oip`` the
last counts, which the nearest proxy wrote.

**Other people's text.** In a mail log stand senders, subjects, message ids and greetings of anybody. So a message must
come where the program begins to speak: before it there is the head of the line and no text of somebody else
(``_HEAD``). Without that, a subject could sign somebody in.

**What is not read.** Dovecot's ``auth`` and ``auth-worker`` lines and Postfix's ``SASL authentication failure``: they
come with the line that is read. Connections that end before a password was looked at. Rate limits of Mailu. nginx's
``client logged in``: it writes the same of every server that delivers mail and signs in nowhere.
"""

import re
from typing import Final

from stepwarden.connect.importers.applications.messages import IP, Message, failed, passed
from stepwarden.events.attempt import Method

_WORDS: Final = r"(?:(?!: )[^<>=()\"]){0,160}"
_HEAD: Final = rf"^(?:<\d{{1,3}}>)?{_WORDS}(?:: {_WORDS})?"
"""The head of a line, or two: at most one colon with a blank, and none of the signs that enclose foreign text."""
_MECHANISMS: Final = r"(?i:PLAIN|LOGIN|CRAM-MD5|DIGEST-MD5|NTLM|APOP|SCRAM-SHA-[\w-]{1,16})"
"""SASL mechanisms that a password passes."""
_HOW: Final[tuple[tuple[str, tuple[Method, ...]], ...]] = ((_MECHANISMS, ("pwd",)), (r"[^\s,]{1,64}", ()))
"""A mechanism and what it proves. The first that fits counts."""

# The name may hold all that follows it: the last address is Dovecot's.
_DOVECOT_LOGIN: Final = rf"{_HEAD}(?:: | )[a-z0-9-]{{2,32}}-login: (?:Info: )?"
_DOVECOT_WHO: Final = rf"[^<>]{{0,64}}: user=<(?P<user>.*)>(?:, method=[^\s,]{{1,64}})?, rip={IP}(?:,|$)"

_DOVECOT: Final = (
    # One line for a connection, with the number of passwords tried in it and the last of the names: read as one
    # failure, because when the others were tried, and for whom, is not said.
    failed(
        "Dovecot",
        "(auth failed, ",
        rf"{_DOVECOT_LOGIN}[^<>]{{1,200}}\(auth failed, \d{{1,9}} attempts(?: in \d{{1,9}} secs)?\){_DOVECOT_WHO}",
    ),
    failed(
        "Dovecot",
        "(authorization failed, ",
        rf"{_DOVECOT_LOGIN}[^<>]{{1,200}}\(authorization failed, \d{{1,9}} attempts(?: in \d{{1,9}} secs)?\)"
        rf"{_DOVECOT_WHO}",
    ),
    *(
        failed("Dovecot", f"({reason}): user=<", rf"{_DOVECOT_LOGIN}[^<>]{{1,200}}\({reason}\){_DOVECOT_WHO}")
        for reason in ("login disabled", "password expired", "proxy dest auth failed", "user disabled")
    ),
    # "Logged in" is version 2.4's.
    *(
        passed(
            "Dovecot",
            f"{word}: user=<",
            rf"{_DOVECOT_LOGIN}{word}: user=<(?P<user>.*)>, method={how}, rip={IP}(?:,|$)",
            proved=proved,
        )
        for word in ("Logged in", "Login")
        for how, proved in _HOW
    ),
)

# Exim puts the greeting, which the client chooses, in round brackets before the address, and refuses one with blanks
# or such brackets in it. The name comes last.
_EXIM_HOST: Final = (
    rf"(?:[^\s()\[\]]{{1,255}} )?(?:\([^\s()]{{1,512}}\) )?\[{IP}\](?::\d{{1,5}})?"
    r"(?: I=\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?)?"
)
_EXIM_HOW: Final[tuple[tuple[str, tuple[Method, ...]], ...]] = (
    (r"\w{0,32}(?i:plain|login|cram)\w{0,32}", ("pwd",)),
    (r"\w{1,64}", ()),
)

_EXIM: Final = (
    failed(
        "Exim",
        ": 535 Incorrect authentication data",
        rf"{_HEAD}\b\w{{1,64}} authenticator failed for (?:H=)?{_EXIM_HOST}: 535 Incorrect authentication data"
        r"(?: \(set_id=(?P<user>.*)\))?",
    ),
    # A mail that was accepted of somebody who has signed in. A sender with blanks is in quotes, and is not read: it
    # could hold all of this.
    *(
        passed(
            "Exim",
            f" P={protocol} ",
            rf"{_HEAD}\b[0-9A-Za-z]{{6}}-[0-9A-Za-z]{{6,11}}-[0-9A-Za-z]{{2,4}} <= [^\s\"]{{1,512}} H={_EXIM_HOST}"
            rf" P={protocol}(?: X=\S{{1,128}})?(?: CV=\S{{1,16}})? A={how}:(?P<user>\S{{1,320}})(?: |$)",
            proved=proved,
        )
        for protocol in ("esmtpa", "esmtpsa")
        for how, proved in _EXIM_HOW
    ),
)

# Lines of comma-separated values: time, ..., server, client, ... Quotes in a value are doubled.
_EXCHANGE_TIME: Final = rf"{_HEAD}\b\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{{1,9}})?Z,"
_EXCHANGE_CLIENT: Final = rf"[0-9A-Fa-f]{{16}},\d{{1,9}},[^,]{{3,64}},\[?{IP}\]?(?::\d{{1,5}})?,"
_EXCHANGE_USER: Final = (
    rf"{_EXCHANGE_TIME}{_EXCHANGE_CLIENT}\"?(?P<user>[^,\"]{{0,256}})\"?,\d{{1,9}},\d{{1,9}},\d{{1,9}},"
)
_EXCHANGE_SMTP: Final = rf"{_EXCHANGE_TIME}(?:\"[^\"]{{1,256}}\"|[^,\"]{{1,256}}),{_EXCHANGE_CLIENT}>,"
_EXCHANGE_HOW: Final[tuple[tuple[str, tuple[Method, ...]], ...]] = (
    (r"(?:(?:login|pass),[^,\"]{0,512}|auth(?:enticate)?, ?(?i:PLAIN|LOGIN|NTLM))", ("pwd",)),
    (r"auth(?:enticate)?,[^,\"]{0,64}", ()),
)

_EXCHANGE: Final = (
    *(
        failed(
            "Exchange", f'{answer}""', rf"{_EXCHANGE_USER}{command},[^,\"]{{0,512}},\"R=\"\".*{answer}\"\""
        )
        for command, answer in (
            ("auth", "-ERR Authentication failure: unknown user name or bad password."),
            ("authenticate", " NO AUTHENTICATE failed."),
            ("login", " NO LOGIN failed."),
            ("pass", "-ERR Logon failure: unknown user name or bad password."),
        )
    ),
    # Receive connectors do not write the name.
    failed(
        "Exchange",
        ",>,535 5.7.3 Authentication unsuccessful",
        rf"{_EXCHANGE_SMTP}535 5\.7\.3 Authentication unsuccessful",
    ),
    # The front end knows the client; the back end writes a success again, of the front end.
    *(
        passed(
            "Exchange",
            ";ProxySuccess",
            rf"{_EXCHANGE_USER}{how},\"R=(?i:ok);Msg=(?:\"\")?Proxy:[^\",]{{1,256}};ProxySuccess",
            proved=proved,
        )
        for how, proved in _EXCHANGE_HOW
    ),
    passed(
        "Exchange",
        ",>,235 2.7.0 Authentication successful",
        rf"{_EXCHANGE_SMTP}235 2\.7\.0 Authentication successful",
    ),
)

# A name that failed may hold all that follows it: the last address is Mailu's. A name that succeeded is an account.
_MAILU_FROM: Final = rf"/[\w-]{{1,16}}/\w{{1,16}} from: {IP}/\w{{1,8}}: "
_MAILU_ATTEMPT: Final = rf"{_HEAD}: Login attempt for: "
_MAILU_PASSED: Final = rf"{_MAILU_ATTEMPT}(?P<user>[^\s/]{{1,320}})"

_MAILU: Final = (
    # Version 1.9, of its web page only. Later versions tell of all protocols.
    failed(
        "Mailu",
        " in base: Login failed for ",
        rf"{_HEAD} in base: Login failed for (?P<user>.*) from {IP}\.$",
    ),
    passed(
        "Mailu",
        " in base: Login succeeded for ",
        rf"{_HEAD} in base: Login succeeded for (?P<user>[^\s/]{{1,320}}) from {IP}\.$",
    ),
    failed(
        "Mailu",
        ": failed: account disabled",
        rf"{_MAILU_ATTEMPT}'?(?P<user>(?:.*[^'])?)'?{_MAILU_FROM}failed: account disabled$",
    ),
    *(
        failed("Mailu", f": failed: {why}", rf"{_MAILU_ATTEMPT}(?P<user>.*){_MAILU_FROM}failed: {why}")
        for why in ("badauth: ", "badip: token-", "password ok, but a token is required")
    ),
    passed(
        "Mailu",
        ": success: password",
        rf"{_MAILU_PASSED}{_MAILU_FROM}success: password(?:: |$)",
        proved=("pwd",),
    ),
    passed(
        "Mailu",
        ": success: password",
        rf"{_HEAD}: Forced password change by (?P<user>[^\s/]{{1,320}}) from: {IP}/\w{{1,8}}: success: password",
        action="password.change",
        proved=("pwd",),
    ),
    passed("Mailu", ": success: token-", rf"{_MAILU_PASSED}{_MAILU_FROM}success: token-\d{{1,9}}: "),
)

# The message is the authentication server's and holds no quotes; the address comes before the name. What has no name
# is a mail of another server that was turned away.
_NGINX: Final = (
    failed(
        "nginx mail proxy",
        '" while in http auth state, client: ',
        rf"{_HEAD}(?:: | )?\*\d{{1,20}} client login failed: \"[^\"]{{0,512}}\" while in http auth state, client: {IP}"
        r"(?: using starttls)?, server: [^\s,]{1,128}, login: \"(?P<user>.*)\"",
    ),
)

# The address comes before all that the client chooses.
_SMTPD: Final = rf"{_HEAD}(?<![^\s:])(?:[\w.-]{{1,32}}/){{0,3}}smtpd(?:\[\d{{1,10}}\])?(?::| \d{{1,10}} - -) "
_SASL: Final = (
    rf"{_SMTPD}warning: [^\s\[\]]{{1,255}}\[{IP}\](?::\d{{1,5}})?: SASL \S{{1,100}} authentication "
)
_POSTFIX_HINTS: Final = (
    "]: SASL ",
    ": SASL LOGIN authentication failed",
    ": SASL PLAIN authentication failed",
)
"""With ``smtpd_client_port_logging`` a port stands before the colon; the mechanism is as the client writes it."""

_POSTFIX: Final = (
    *(
        failed(
            "Postfix",
            hint,
            rf"{_SASL}failed(?!: Connection lost to authentication server)"
            r"(?:: .*?(?:, sasl_username=(?:\(unavailable\)|(?P<user>.*)))?)?$",
        )
        for hint in _POSTFIX_HINTS
    ),
    # Nobody has looked at the password.
    Message(
        "Postfix",
        "]: SASL ",
        re.compile(
            rf"{_SASL}(?:aborted$|failed: Connection lost to authentication server"
            r"(?:, sasl_username=(?:\(unavailable\)|(?P<user>.*)))?$)"
        ),
        "unknown",
    ),
    # A mail of somebody who has signed in: Postfix tells of no success without one.
    *(
        passed(
            "Postfix",
            "], sasl_method=",
            rf"{_SMTPD}[0-9A-Za-z]{{5,32}}: client=[^\s\[\]]{{1,255}}\[{IP}\], sasl_method={how},"
            r" sasl_username=(?P<user>.*?)(?:, (?:sasl_sender|orig_queue_id|orig_client)=.*)?$",
            proved=proved,
        )
        for how, proved in _HOW
    ),
)

# [name=...;ip=PROXY;oip=CLIENT;ua=...;] - the name is an account's, and what the client sends comes after.
_ZIMBRA: Final = (
    r"\[(?:(?:name|aname|mid)=[^;\]]{0,256};){0,3}(?:ip=[0-9A-Fa-f:.]{2,45};)?"
    rf"(?:oip=(?:[^;\]]{{0,512}}, )?|ip=){IP};"
)

_ZIMBRA_MESSAGES: Final = (
    # mailbox.log. "Error occurred during authentication" comes before it.
    failed(
        "Zimbra",
        "] SoapEngine - handler exception: authentication failed for [",
        rf"{_ZIMBRA}(?>.*\] SoapEngine - handler exception: authentication failed for \[)(?P<user>.*)\], ",
    ),
    *(
        passed(
            "Zimbra",
            " authenticated, mechanism=",
            rf"{_ZIMBRA}[^\]]*\] imap - user (?P<user>[^\s;]{{1,320}}) authenticated, mechanism={how}(?: \[TLS\])?$",
            proved=proved,
        )
        for how, proved in _HOW
    ),
    # audit.log. "cmd=AdminAuth" comes besides.
    failed(
        "Zimbra",
        "] security - cmd=Auth; account=",
        rf"{_ZIMBRA}(?>.*\] security - cmd=Auth; account=)(?P<user>.*); protocol=[\w.-]{{1,32}}; error=",
    ),
    passed(
        "Zimbra",
        "] security - cmd=Auth; account=",
        rf"{_ZIMBRA}[^\]]*\] security - cmd=Auth; account=(?P<user>[^\s;]{{1,320}}); protocol=[\w.-]{{1,32}};$",
    ),
)

MESSAGES: Final[tuple[Message, ...]] = (
    *_DOVECOT,
    *_EXCHANGE,
    *_EXIM,
    *_MAILU,
    *_NGINX,
    *_POSTFIX,
    *_ZIMBRA_MESSAGES,
)
