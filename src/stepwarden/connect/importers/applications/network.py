"""Firewalls, gateways, hypervisors, control panels, and what web servers say of sign-ins.

Left out: WireGuard (no person), OpenVPN's packets that fail to authenticate (no person either), and what strongSwan
says of its peers' IKE identities: a device sends its own address as readily as a name.
"""

from stepwarden.connect.importers.applications.messages import IP, failed, passed

_ADDRESS = rf"(?:(?:[0-9A-F]{{2}}:){{5}}[0-9A-F]{{2}}|{IP})"
"""An address of the internet, or one of hardware, which is passed over: it is none that an attempt has."""
_APACHE = rf"^\[[^\]\"]{{20,40}}\] (?:\[[\w:. ]{{1,64}}\] ){{1,3}}\[client {IP}:\d{{1,5}}\] "
_NGINX = (
    r"^(?:[^\"]{0,256}? )??\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[\w{1,8}\] \d{1,10}#\d{1,10}: \*\d{1,20} user \""
)
_CPANEL = rf"^\[[^\]\"]{{19,40}}\] \w{{1,16}} \[\w{{1,32}}\] {IP} "
_FORTINET = (
    rf"tunneltype=\"[^\"]{{0,32}}\"(?: tunnelid=\d{{1,20}})? remip={IP}(?: srccountry=\"[^\"]{{0,64}}\")? user=\""
    r"(?:N/A|(?P<user>.*?))\" \w{1,32}="
)
_ADMIN = (
    r"(?: sn=\"[^\"]{0,32}\")? user=\"(?P<user>.*)\" ui=\"[^\"]{0,64}\" method=\"[^\"]{0,32}\""
    rf"(?: srcip={IP})? .*msg=\"Administrator (?P=user) "
)
_PID = r"(?:\[\d{1,10}\]: | \d{1,10} \S{1,32} (?:-|\[[^\]]{0,256}\]) )"
_OPENVPN = rf"(?:^|[ /]|(?:udp|tcp)[46]:){IP} "
_WEBMIN = rf"^(?P<time>\d{{9,10}})\.\d{{1,10}}\.\d{{1,10}} \[[^\]]{{10,40}}\] (?P<user>.*) [\w-]{{1,64}} {IP} global "
_WEBMIN_ORIGIN = rf"(?P<user>.*) from (?:{IP}|[\w.-]{{1,253}})\s*$"
_POSTED = (
    rf"^(?:[^\"]{{0,256}}?[ :])??{IP} - [^\"]{{1,256}}? "
    r"\[(?P<time>\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "
)
_VERSIONS = ("1.0", "1.1", "2.0", "3.0")

MESSAGES = (
    # HTTP's names have no colon, so that the first one ends the name. The message begins at the beginning of the line:
    # what stands in a request or a referrer is none.
    failed(
        "Apache HTTP Server",
        "AH01617: user ",
        _APACHE + r"AH01617: user (?P<user>[^:]*): authentication failure for \"",
    ),
    failed("Apache HTTP Server", "AH01618: user ", _APACHE + r"AH01618: user (?P<user>[^:]*) not found: "),
    # A sign-in that is refused is answered by the form again.
    *(
        failed(
            "ApisCP",
            f'"POST /apps/login HTTP/{version}" 200 ',
            _POSTED + rf"\"POST /apps/login HTTP/{version}\" 200 ",
        )
        for version in _VERSIONS
    ),
    # The address stands before the name. A name that the server has locked out is refused, too.
    failed("cPanel", '" FAILED LOGIN ', _CPANEL + r"- (?:-|(?P<user>.*?)) \"[^\"]*\" FAILED LOGIN "),
    # What follows the name is the session's secret.
    passed(
        "cPanel",
        ",method=handle_form_login,",
        _CPANEL + r"NEW (?P<user>[^:\s]{1,256}):\S{1,256} address=",
        proved=("pwd",),
    ),
    # The address stands before the name, which is N/A where the user is unknown. Of the lines about one connection
    # ("new connection" before, "tunnel established" behind), the one that says who signed in.
    failed("FortiGate", 'action="ssl-login-fail"', rf"action=\"ssl-login-fail\" {_FORTINET}"),
    passed(
        "FortiGate",
        'reason="login successfully"',
        rf"action=\"tunnel-up\" {_FORTINET}.*reason=\"login successfully\"",
    ),
    # The name stands before the address and behind it: only the whole name stands at both places.
    failed(
        "FortiGate", 'logdesc="Admin login failed"', rf"logdesc=\"Admin login failed\"{_ADMIN}login failed"
    ),
    passed(
        "FortiGate",
        'logdesc="Admin login successful"',
        rf"logdesc=\"Admin login successful\"{_ADMIN}logged in successfully",
    ),
    failed(
        "HestiaCP",
        " failed to login",
        rf"^\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d (?P<user>\S{{1,64}}) {IP} failed to login\s*$",
    ),
    passed(
        "HestiaCP",
        " successfully logged in",
        rf"^\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d (?P<user>\S{{1,64}}) {IP} successfully logged in\s*$",
        proved=("pwd",),
    ),
    # The server's words behind the name have no blanks in them.
    failed(
        "LiteSpeed WebAdmin",
        "[WebAdmin Console] Failed Login Attempt - username:",
        rf"Failed Login Attempt - username: ?(?P<user>.*) ip: ?{IP} url: ?\S*\s*$",
    ),
    failed(
        "MeshCentral",
        "Failed password for ",
        rf"https\[\d{{1,10}}\]: Failed password for (?P<user>.*) from {IP} port \d{{1,5}}(?:, .*)?$",
    ),
    failed(
        "MeshCentral",
        "Failed 2FA for ",
        rf"https\[\d{{1,10}}\]: Failed 2FA for (?P<user>.*) from {IP} port \d{{1,5}}(?:, .*)?$",
    ),
    passed(
        "MeshCentral",
        "Accepted password for ",
        rf"https\[\d{{1,10}}\]: Accepted password for (?P<user>.*) from {IP} port \d{{1,5}}(?:, .*)?$",
        proved=("pwd",),
    ),
    failed(
        "MikroTik RouterOS",
        "login failure for user ",
        rf"login failure for user (?P<user>.*) from {_ADDRESS} via (?!local\b)[\w-]{{1,32}}\s*$",
    ),
    failed(
        "MikroTik RouterOS",
        "login failure for user ",
        r"login failure for user (?P<user>\S{0,256}) via [\w-]{1,32}\s*$",
    ),
    passed(
        "MikroTik RouterOS",
        " logged in from ",
        rf"\buser (?P<user>.{{0,256}}) logged in from {_ADDRESS} via [\w-]{{1,32}}\s*$",
    ),
    # Of what follows, the request and the referrer are the attacker's as much as the name.
    failed(
        "nginx",
        '" was not found in "',
        rf"{_NGINX}(?P<user>[^:]*)\" was not found in \"[^\"]*\", client: {IP}, ",
    ),
    failed(
        "nginx",
        '": password mismatch, client: ',
        rf"{_NGINX}(?P<user>[^:]*)\": password mismatch, client: {IP}, ",
    ),
    # The address stands in front; OpenVPN does not say whose password was wrong. AUTH_FAILED, which it sends then, and
    # what its plugins say of the name are skipped.
    failed(
        "OpenVPN",
        "TLS Auth Error: Auth Username/Password verification failed for peer",
        rf"{_OPENVPN}TLS Auth Error: Auth Username/Password verification failed for peer",
    ),
    passed(
        "OpenVPN",
        "TLS: Username/Password authentication succeeded for username '",
        rf"{_OPENVPN}TLS: Username/Password authentication succeeded for username '(?P<user>.*)'(?: \[CN SET\])?\s*$",
        proved=("pwd",),
    ),
    failed(
        "OPNsense",
        "Web GUI authentication error for '",
        rf"Web GUI authentication error for '(?P<user>.*)' from {IP}\s*$",
    ),
    passed(
        "OPNsense",
        ".php: Successful login for user '",
        rf" (?:audit|opnsense){_PID}/\S{{1,128}}\.php: Successful login for user '(?P<user>.*)' from: {IP}\s*$",
    ),
    # The peer's address. What it claims to forward for stands in brackets behind: neither that nor the name may then
    # hold what the other could be taken for, else the line is unknown.
    failed(
        "pfSense",
        "webConfigurator authentication error for user '",
        r"webConfigurator authentication error for user '(?P<user>[^\[]*)' "
        rf"from: {IP}(?:\[[^\[\]']{{0,256}}\])?(?: \([^()']{{0,128}}\))?\s*$",
    ),
    passed(
        "pfSense",
        ".php: Successful login for user '",
        rf" php(?:-fpm|-cgi)?{_PID}/\S{{1,128}}\.php: Successful login for user '(?P<user>[^\[]*)' "
        rf"from: {IP}(?:\[[^\[\]']{{0,256}}\])?(?: \([^()']{{0,128}}\))?\s*$",
    ),
    # The address stands before the name. Proxmox VE, Mail Gateway and Backup Server; the last one's requests without
    # any credentials have no name and are unknown. A success says nothing of the address, nor of how it was proved: a
    # ticket that is renewed says so, too, and with a second factor each of the two steps.
    failed(
        "Proxmox",
        ": authentication failure; rhost=",
        rf": authentication failure; rhost=(?:\[?{IP}\]?(?::\d{{1,5}})?|unknown)? user=(?P<user>\S{{1,256}}) msg=",
    ),
    passed("Proxmox", "successful auth for user '", r"successful auth for user '(?P<user>[^']*)'\s*$"),
    # The name is the client's, and the last thing said. "verification failed, retry" is said of the same attempt;
    # of a wrong password of a known user only that, without the name. What PAM says before XAuth does is skipped.
    failed(
        "strongSwan",
        "no EAP key found for hosts '",
        r"no EAP key found for hosts '[^']{0,256}' - '(?P<user>.*)'\s*$",
    ),
    failed("strongSwan", "XAuth authentication of '", r"XAuth authentication of '(?P<user>.*)' failed\s*$"),
    passed(
        "strongSwan", "XAuth authentication of '", r"XAuth authentication of '(?P<user>.*)' successful\s*$"
    ),
    # The log of actions: the time is that of its id, the local one in brackets has no zone. A session id is a secret.
    failed("Webmin", 'miniserv.pl "failed" ', rf"{_WEBMIN}miniserv\.pl \"failed\" \""),
    passed("Webmin", 'miniserv.pl "login" ', rf"{_WEBMIN}miniserv\.pl \"login\" \""),
    failed("Webmin", "Expired login as ", rf"Expired login as {_WEBMIN_ORIGIN}"),
    failed("Webmin", "Invalid login as ", rf"Invalid login as {_WEBMIN_ORIGIN}"),
    failed("Webmin", "Non-existent login as ", rf"Non-existent login as {_WEBMIN_ORIGIN}"),
    passed("Webmin", "Successful login as ", rf"Successful login as {_WEBMIN_ORIGIN}"),
    # The form again, with what was wrong. A redirection is no success for sure: others of the page's actions are
    # redirected without any password, and the action is not in the line. The line's user is that of HTTP, not this one.
    *(
        failed(
            "WordPress",
            f'"POST /wp-login.php HTTP/{version}" 200 ',
            _POSTED + rf"\"POST /wp-login\.php HTTP/{version}\" 200 ",
        )
        for version in _VERSIONS
    ),
)
