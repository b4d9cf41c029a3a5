"""Git forges, wikis, dashboards, documents, shops and the like."""

from typing import Final

from stepwarden.connect.importers.applications.messages import IP, Message, failed, passed

_ANY: Final = r"(?P<ip>.*)"
"""What an application takes for the address from a header, whatever it is: if it is none, it is a malformed one."""
_PEER: Final = r"(?P<ip>[\d.]{7,15}|[0-9A-Fa-f:.]{2,45}?)(?::\d{1,5})?"
"""Apache's client: version 6 stands without brackets, with the port behind."""
_PORTED: Final = rf"\[?{IP}\]?(?::\d{{1,5}})?"
_PRIVATE: Final = (
    r"(?:10\.|127\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|::1\b|[Ff][CcDd][0-9A-Fa-f]{2}:|[Ff][Ee]80:)"
)
_SLOG: Final = r'"?(?P<{}>(?<=")(?:[^"\\]|\\.){{0,2048}}(?=")|[^\s"]{{0,2048}})"?'
"""A value as Go's slog writes it: quoted, with escapes, where it has to be."""
_ZONEMINDER: Final = (
    r"(?:web_php\[\d{1,10}\]\.[A-Z]{3} \[|\[client )(?P<ip>[0-9A-Fa-f:.]{2,48}?)(?:\]|:\d{1,5}\] [A-Z]{3})"
)

_WHOLE: Final = r"[\x00-\x7f]{0,1800}$|.{0,450}$"
"""The rest of a line that has fewer than 2048 bytes, in whichever letters."""


def _fastcgi(application: str, hint: str, before: str, after: str) -> tuple[Message, Message]:
    """What PHP says, in nginx's log of errors: the name stands before the client, the request's headers behind it.

    Whoever writes both may write ``, client: `` in either, and nginx cuts a line off at 2048 bytes. Where it stands
    twice, or the line may be cut, all of it is the (malformed) address.
    """
    start = rf'sent in stderr: "PHP message: {before}'
    return (
        failed(
            application,
            hint,
            rf'{start}(?={_WHOLE})(?P<user>(?:(?!, client: ).){{0,1024}}){after}" while reading [\w ]{{1,64}}, '
            rf"client: {IP}, server: (?:(?!, client: ).)*$",
        ),
        failed(application, hint, rf'{start}(?P<user>.*?){after}"(?P<ip>.*)'),
    )


MESSAGES: Final[tuple[Message, ...]] = (
    # The name is configurable (%u), the words are those that Baikal comes with. Apache's client stands first.
    failed(
        "Baikal",
        " authentication failure for Baikal",
        rf"\[client {_PEER}\] (?:AH01071: Got error ')?(?:PHP message: )?user (?P<user>.*) authentication failure ",
    ),
    *_fastcgi("Baikal", " authentication failure for Baikal", "user ", " authentication failure for Baikal"),
    # The words are those of BookStack's documentation for LOG_FAILED_LOGIN_MESSAGE.
    failed(
        "BookStack",
        "PHP message: Failed login for ",
        rf"\[client {_PEER}\] AH01071: Got error 'PHP message: Failed login for (?P<user>.*)'(?:, referer: .*)?$",
    ),
    *_fastcgi("BookStack", "PHP message: Failed login for ", "Failed login for ", ""),
    # Also "LDAP Login failed" and "OPDS Login failed"; once it was spelled "adress". The address is the whole
    # X-Forwarded-For where a proxy sends one: its last element. A login that succeeds is told without an address.
    # A reader's question before it sends a password is told as a failure of nobody (""): that is none.
    failed(
        "Calibre-Web",
        'Login failed for user "',
        r'Login failed for user "(?P<user>.+)" IP-add?ress: (?:.*, ?)?(?P<ip>[^,]{0,4096})$',
    ),
    # "User is trying to login using" comes before the outcome; a login that is locked out is not tried.
    failed(
        "Firefly III",
        'AUDIT: Login failed. Attempt for user "',
        rf'AUDIT: Login failed\. Attempt for user "(?P<user>.*)" failed\. \({IP} -> POST:\S{{1,1024}}\) *$',
    ),
    failed(
        "Firefly III",
        "AUDIT: MFA failure count is set to ",
        rf"AUDIT: MFA failure count is set to [1-9]\d{{0,8}}\. \({IP} \((?P<user>.*)\) -> POST:\S{{1,1024}}\) *$",
    ),
    # The count is set to zero when the code, or a spare one, is right: the login itself has been told before.
    passed(
        "Firefly III",
        "AUDIT: MFA failure count is set to zero. (",
        rf"MFA failure count is set to zero\. \({IP} \((?P<user>.*)\) -> POST:\S{{1,1024}}\) *$",
        action="firefly.mfa",
        proved=("otp",),
    ),
    passed(
        "Firefly III",
        '" has been logged in. (',
        rf'AUDIT: User "(?P<user>.*)" has been logged in\. \({IP} \(.*\) -> POST:\S{{1,1024}}\) *$',
        proved=("pwd",),
    ),
    # Gitea and Forgejo repeat the name behind the address, so that neither the first nor the last " from " is theirs:
    # the one between two equal names is. They write the account's own name where there is one: then none may be in
    # what was typed. Anything else has a malformed address. Public keys over SSH ("attempt from") name nobody.
    failed(
        "Gitea",
        "Failed authentication attempt for ",
        rf"(?i)authentication attempt for (?P<user>.*) from {_PORTED}: [a-z -]{{1,64}} "
        r"\[(?:uid: \d{1,19}, name|email): (?P=user)(?:, keyid: \d{1,19})?\]$",
    ),
    failed(
        "Gitea",
        "Failed authentication attempt for ",
        rf"authentication attempt for (?P<user>(?:(?! from ).)*) from {_PORTED}(?:: (?:(?! from ).)*)?$",
    ),
    failed(
        "Gitea",
        "Failed authentication attempt for ",
        r"authentication attempt for (?P<user>.*?) from (?P<ip>.*)$",
    ),
    # Grafana names nobody who failed. Which of these it writes is a matter of its version; authn.service tells the
    # same without an address. Up to version 7 there was none either.
    failed(
        "Grafana",
        'msg="Invalid username or password"',
        rf'msg="Invalid username or password" .*remote_addr=\[?{IP}\]?(?: |$)',
    ),
    failed(
        "Grafana",
        'msg=Unauthorized error="[password-auth.failed] ',
        rf'msg=Unauthorized error="\[password-auth\.failed\] .* remote_addr=\[?{IP}\]?(?: |$)',
    ),
    # Also a wrong password in a request to the API. What may hold anything stands behind the address, or is quoted.
    failed(
        "Grafana",
        " errorMessageID=password-auth.failed ",
        rf'msg="Request Completed" method=[A-Z]{{1,10}} path=(?:[^\s"]+|"(?:[^"\\]|\\.)*") status=401 '
        rf"remote_addr=\[?{IP}\]? .* errorMessageID=password-auth\.failed ",
    ),
    failed(
        "Grafana",
        '"msg":"Invalid username or password"',
        rf'"msg":"Invalid username or password",.*"remote_addr":"\[?{IP}\]?","t":"(?P<time>[^"]{{19,40}})"',
    ),
    # "client IP" is the whole X-Forwarded-For: proxies add to its end, so the last address that is not private is
    # believed, or the last of all. Quotes are not escaped: where there are more than Harbor's own, all is malformed.
    # Only clients (docker login, the API) are told with their address; who signs in to the web page is not.
    failed(
        "Harbor",
        "]: failed to authenticate user:",
        rf'\[client IP="(?:[^"]*, ?)?\[?(?!{_PRIVATE}){IP}\]?(?::\d{{1,5}})?(?:, ?{_PRIVATE}[^",]{{0,64}}){{0,8}}" '
        r'(?:requestID="[^"]{0,64}" )?user agent="(?P<agent>[^"]{0,2048})"\]: '
        r'failed to authenticate user:(?P<user>[^"]{0,512}), error:[^"]{0,512}$',
    ),
    failed(
        "Harbor",
        "]: failed to authenticate user:",
        rf'\[client IP="(?:[^"]*, ?)?{_PORTED}" (?:requestID="[^"]{{0,64}}" )?'
        r'user agent="(?P<agent>[^"]{0,2048})"\]: '
        r'failed to authenticate user:(?P<user>[^"]{0,512}), error:[^"]{0,512}$',
    ),
    failed(
        "Harbor",
        "]: failed to authenticate user:",
        r'\[client IP=(?P<ip>.*)"\]: failed to authenticate user:(?P<user>.*), error:',
    ),
    # The address stands before what was typed; it is X-Real-IP where there is one, whatever it is.
    failed(
        "Joplin Server",
        "App: 403: POST /api/sessions: ",
        r"App: 403: POST /api/sessions: (?P<ip>.+?): Invalid username or password"
        r'(?:: \{"email":"(?P<user>(?:[^"\\]|\\.)*)".*)?$',
    ),
    # Written by the bouncer that CrowdSec makes, as escaped JSON; "CUSTOMER_LOGIN_PROCESS" comes before the outcome.
    # "ip" is what Magento takes for the client; the forwarded one may be anybody's.
    failed(
        "Magento",
        '"type":"ADMIN_LOGIN_FAILED"',
        rf'\{{"type":"ADMIN_LOGIN_FAILED","ip":"{IP}"',
    ),
    passed(
        "Magento",
        '"type":"CUSTOMER_LOGIN_SUCCESS"',
        rf'\{{"type":"CUSTOMER_LOGIN_SUCCESS","ip":"{IP}"(?:.*"customer_id":"?(?P<user>\d{{1,19}}))?',
        proved=("pwd",),
    ),
    # Mealie names nobody, and believes the first element of X-Forwarded-For, whatever it is.
    failed(
        "Mealie",
        "Incorrect username or password from ",
        rf"(?::| -) Incorrect username or password from {_ANY}$",
    ),
    failed(
        "Miniflux",
        'msg="Incorrect username or password" ',
        rf'msg="Incorrect username or password" authentication_failed=true client_ip={IP} '
        rf"user_agent={_SLOG.format('agent')} username={_SLOG.format('user')}",
    ),
    failed(
        "Miniflux",
        'msg="[API] Invalid username or password provided during Basic HTTP Authentication" ',
        rf'Basic HTTP Authentication" authentication_failed=true client_ip={IP} '
        rf"user_agent={_SLOG.format('agent')} username={_SLOG.format('user')}",
    ),
    # A request to the API with the right password is told at the level of debugging: each request signs in.
    passed(
        "Miniflux",
        'msg="User authenticated successfully with username/password" ',
        rf'with username/password" authentication_successful=true client_ip={IP} '
        rf"user_agent={_SLOG.format('agent')} user_id=\d{{1,19}} username={_SLOG.format('user')}",
        proved=("pwd",),
    ),
    # Odoo 17 and later leave out the database. "n/a": no request, a job of its own.
    *(
        make(
            "Odoo",
            f"Login {word} for {head}:",
            rf"Login {word} for (?:db:\S{{1,64}} )?login:(?P<user>.*) from (?:n/a|{_ANY})$",
        )
        for make, word in ((failed, "failed"), (passed, "successful"))
        for head in ("db", "login")
    ),
    # The second factor is told without an address; the login itself came before it.
    failed("Odoo", "2FA check: FAIL for ", r"2FA check: FAIL for \S{1,64} (['\"])(?P<user>.*)\1$"),
    # Who does not say who they are ("No authentication provided") has only asked for a page.
    *(
        make(
            "Paperless-ngx",
            f"Login {word} for user `",
            rf"Login {word} for user `(?P<user>.*)`(?: from (?:private )?IP `{IP}\.?`\.?|\. Unable to determine .*)$",
        )
        for make, word in ((failed, "failed"), (passed, "successful"))
    ),
    # The time at the end is Redmine's; the line may have no other.
    failed(
        "Redmine",
        "Failed login for '",
        rf"Failed login for '(?P<user>.*)' from {IP} at (?P<time>[\d-]{{10}} [\d:]{{8}} UTC)$",
    ),
    passed(
        "Redmine",
        "Successful authentication for '",
        rf"Successful authentication for '(?P<user>.*)' from {IP} at (?P<time>[\d-]{{10}} [\d:]{{8}} UTC)$",
    ),
    # Names nobody.
    failed("Stirling-PDF", "Failed login attempt from IP: ", rf"Failed login attempt from IP: {_ANY}$"),
    # TheHive 4 and 5, names nobody. What is requested stands behind the address. Version 5 leaves the time to systemd.
    failed(
        "TheHive",
        "/login took ",
        rf"AccessLogFilter .{{0,128}}\] {IP} POST /api/(?:v\d/)?login took \d{{1,9}}ms and returned 401 ",
    ),
    passed(
        "TheHive",
        "/login took ",
        rf"AccessLogFilter .{{0,128}}\] {IP} POST /api/(?:v\d/)?login took \d{{1,9}}ms and returned 200 ",
        proved=("pwd",),
    ),
    # Dockge is made of Uptime Kuma and says the same. The address is the first element of X-Forwarded-For where
    # a proxy is trusted. A token that a browser kept signs in with the words of a password; one that is invalid
    # names nobody, and "2FA token required" asks for more.
    *(
        failed(
            "Uptime Kuma or Dockge",
            f"{words} for user ",
            rf"{words} for user (?P<user>.*)\. IP={_ANY}$",
        )
        for words in ("Incorrect username or password", "Invalid token provided")
    ),
    failed("Uptime Kuma or Dockge", "Inactive or deleted user ", rf"deleted user (?P<user>.*)\. IP={_ANY}$"),
    passed(
        "Uptime Kuma or Dockge", "Successfully logged in user ", rf"logged in user (?P<user>.*)\. IP={_ANY}$"
    ),
    # In ZoneMinder's own log (from 1.34 on) and in Apache's: the address stands before the name.
    failed(
        "ZoneMinder",
        "[Could not retrieve user ",
        rf"{_ZONEMINDER} \[Could not retrieve user (?P<user>.*) details\]",
    ),
    failed(
        "ZoneMinder",
        '[Login denied for user "',
        rf'{_ZONEMINDER} \[Login denied for user "(?P<user>.*)"\]',
    ),
    passed(
        "ZoneMinder",
        '[Login successful for user "',
        rf'{_ZONEMINDER} \[Login successful for user "(?P<user>.*)"\]',
        proved=("pwd",),
    ),
)
