"""Records of applications for the tests of their converters: each as the application writes it, with invented names.

All are of 192.0.2.7 and one point in time, 2024-05-02T10:00:00.25Z.
"""

from typing import NamedTuple

from stepwarden.events.attempt import Method, Outcome

Json = dict[str, object]

AUTHENTIK: Json = {
    "action": "login",
    "auth_via": "unauthenticated",
    "client_ip": "192.0.2.7",
    "context": {
        "auth_method": "password",
        "auth_method_args": {"mfa_devices": [{"model_name": "totpdevice"}], "known_device": False},
        "geo": {"city": "Liege", "country": "BE", "lat": 50.6, "long": 5.5},
        "asn": {"asn": 64500, "as_org": "Example"},
        "http_request": {"method": "GET", "path": "/flow/", "user_agent": "UA/1"},
    },
    "event": "Created Event",
    "level": "info",
    "logger": "authentik.events.models",
    "timestamp": "2024-05-02T10:00:00.250000",
    "user": {"email": "ann@example.com", "pk": 6, "username": "ann"},
}
AUTHENTIK_FAILED = AUTHENTIK | {
    "action": "login_failed",
    "context": {"password": "***", "username": "ann", "stage": {"name": "password"}},
    "user": {"email": "", "pk": 2, "username": "AnonymousUser"},
}
AUTHENTIK_NOBODY: Json = {
    "action": "invalid_identifier",
    "client_ip": "192.0.2.7",
    "context": {"stage": "<View>"},
    "event": "invalid_login",
    "identifier": "ann",
    "level": "info",
    "logger": "authentik.flows.stage",
    "timestamp": "2024-05-02T10:00:00.250000",
}
AUTHENTIK_API: Json = {
    "pk": "f00f",
    "user": {"pk": 6, "email": "", "username": "ann"},
    "action": "model_created",
    "app": "authentik.events.middleware",
    "context": {"model": {"app": "authentik_stages_authenticator_totp", "model_name": "totpdevice"}},
    "client_ip": "192.0.2.7",
    "created": "2024-05-02T10:00:00.250000Z",
}
TELEPORT: Json = {
    "ei": 0,
    "event": "user.login",
    "uid": "a487",
    "code": "T1000I",
    "time": "2024-05-02T10:00:00.25Z",
    "cluster_name": "teleport.example.com",
    "user": "ann",
    "success": True,
    "method": "local",
    "user_agent": "UA/1",
    "addr.remote": "192.0.2.7:34204",
}
NEXTCLOUD: Json = {
    "reqId": "U1",
    "level": 2,
    "time": "2024-05-02T10:00:00.250000+00:00",
    "remoteAddr": "192.0.2.7",
    "user": "--",
    "app": "core",
    "method": "POST",
    "url": "/login",
    "message": "Login failed: ann (Remote IP: 192.0.2.7)",
    "userAgent": "UA/1",
    "version": "30.0.0.14",
}
GITLAB: Json = {
    "method": "POST",
    "path": "/users/sign_in",
    "format": "html",
    "controller": "SessionsController",
    "action": "create",
    "status": 0,
    "time": "2024-05-02T10:00:00.250Z",
    "params": [
        {"key": "authenticity_token", "value": "[FILTERED]"},
        {"key": "user", "value": {"login": "ann", "password": "[FILTERED]", "remember_me": "0"}},
    ],
    "correlation_id": "01H",
    "meta.caller_id": "SessionsController#create",
    "remote_ip": "192.0.2.7",
    "ua": "UA/1",
}
GITLAB_CODE = GITLAB | {
    "params": [{"key": "user", "value": {"otp_attempt": "[FILTERED]", "remember_me": "0"}}]
}
GITLAB_WORDS: Json = {
    "severity": "INFO",
    "time": "2024-05-02T10:00:00.250Z",
    "correlation_id": "01H",
    "message": "Failed Login: username=ann ip=192.0.2.7",
}
SHELF: Json = {
    "timestamp": "2024-05-02 10:00:00.250",
    "source": "LocalAuthStrategy.js:120",
    "message": '[LocalAuth] Failed login attempt for username "ann" from ip 192.0.2.7 (Invalid password)',
    "levelName": "ERROR",
    "level": 4,
}
NTFY: Json = {
    "time": "2024-05-02T10:00:00.25Z",
    "level": "DEBUG",
    "message": "Connection closed with HTTP 401 (ntfy error 40101)",
    "error": "unauthorized",
    "error_code": 40101,
    "http_method": "GET",
    "http_path": "/mine/auth",
    "http_status": 401,
    "tag": "http",
    "visitor_id": "ip:192.0.2.7",
    "visitor_ip": "192.0.2.7",
}
SFTPGO: Json = {
    "level": "debug",
    "time": "2024-05-02T10:00:00.250",
    "sender": "connection_failed",
    "client_ip": "192.0.2.7",
    "username": "ann",
    "login_type": "password",
    "protocol": "SSH",
    "error": "invalid credentials",
}
SFTPGO_PASSED: Json = {
    "level": "info",
    "time": "2024-05-02T10:00:00.250",
    "sender": "SSH",
    "connection_id": "34e4",
    "message": 'User "ann" logged in with "publickey+password", from ip "192.0.2.7", client version "SSH-2.0-x"',
}
MONGODB: Json = {
    "t": {"$date": "2024-05-02T12:00:00.250+02:00"},
    "s": "I",
    "c": "ACCESS",
    "id": 20249,
    "ctx": "conn1",
    "msg": "Authentication failed",
    "attr": {
        "mechanism": "SCRAM-SHA-256",
        "speculative": False,
        "principalName": "ann",
        "authenticationDatabase": "admin",
        "remote": "192.0.2.7:4071",
        "error": "AuthenticationFailed: SCRAM authentication failed, storedKey mismatch",
    },
}
MONGODB_NEWER = MONGODB | {
    "id": 5286306,
    "msg": "Successfully authenticated",
    "attr": {
        "client": "192.0.2.7:4071",
        "isClusterMember": False,
        "mechanism": "SCRAM-SHA-256",
        "user": "ann",
    },
}
MONGODB_AUDIT: Json = {
    "atype": "authenticate",
    "ts": {"$date": "2024-05-02T10:00:00.250+00:00"},
    "local": {"ip": "198.51.100.1", "port": 27017},
    "remote": {"ip": "192.0.2.7", "port": 4071},
    "users": [],
    "roles": [],
    "param": {"user": "ann", "db": "admin", "mechanism": "SCRAM-SHA-256"},
    "result": 18,
}
CADDY: Json = {
    "level": "error",
    "ts": 1714644000.25,
    "logger": "http.log.access.log0",
    "msg": "handled request",
    "request": {
        "remote_ip": "198.51.100.9",
        "client_ip": "192.0.2.7",
        "method": "GET",
        "uri": "/",
        "headers": {"User-Agent": ["UA/1"], "Authorization": ["REDACTED"]},
    },
    "user_id": "",
    "status": 401,
    "resp_headers": {"Server": ["Caddy"], "Www-Authenticate": ['Basic realm="restricted"']},
}


class Example(NamedTuple):
    """A record, and the attempt that it is."""

    application: str
    record: Json
    user: str = "ann"
    outcome: Outcome = "failure"
    action: str = "login"
    proved: tuple[Method, ...] = ()


EXAMPLES = (
    Example("authentik", AUTHENTIK, outcome="success", proved=("pwd", "otp")),
    Example("authentik", AUTHENTIK_FAILED),
    Example("authentik", AUTHENTIK_NOBODY),
    Example("authentik", AUTHENTIK_API, outcome="success", action="factor.enroll"),
    Example(
        "authentik", AUTHENTIK_API | {"action": "model_deleted"}, outcome="success", action="factor.remove"
    ),
    Example("authentik", AUTHENTIK | {"action": "password_set"}, outcome="success", action="password.change"),
    Example("Teleport", TELEPORT, outcome="success", proved=("pwd",)),
    Example(
        "Teleport",
        TELEPORT | {"mfa_device": {"mfa_device_type": "TOTP"}},
        "ann",
        "success",
        "login",
        ("pwd", "otp"),
    ),
    Example(
        "Teleport",
        TELEPORT | {"mfa_device": {"mfa_device_type": "WebAuthn"}},
        "ann",
        "success",
        "login",
        ("pop",),
    ),
    Example("Teleport", TELEPORT | {"code": "T1001I", "method": "saml"}, outcome="success"),
    Example("Teleport", TELEPORT | {"code": "T1000W", "success": False}),
    Example(
        "Teleport",
        TELEPORT | {"event": "mfa.add", "code": "T1006I"},
        outcome="success",
        action="factor.enroll",
    ),
    Example(
        "Teleport", TELEPORT | {"event": "mfa.delete", "code": "T1007I"}, "ann", "success", "factor.remove"
    ),
    Example(
        "Teleport",
        TELEPORT | {"event": "user.password_change", "code": "T1005I"},
        "ann",
        "success",
        "password.change",
    ),
    Example(
        "Teleport", TELEPORT | {"event": "auth", "code": "T3007W", "success": False}, action="teleport.auth"
    ),
    Example(
        "Teleport",
        TELEPORT | {"event": "recovery_code.used", "code": "T1009W", "success": False},
        action="teleport.recovery_code.used",
    ),
    Example("Nextcloud", NEXTCLOUD),
    Example("Nextcloud", NEXTCLOUD | {"message": "Login failed: 'ann' (Remote IP: '192.0.2.7')"}),
    Example("Nextcloud", NEXTCLOUD | {"message": 'Login failed: "ann"', "app": "admin_audit"}),
    Example("Nextcloud", NEXTCLOUD | {"message": "Login failed: ann"}),
    Example("Nextcloud", NEXTCLOUD | {"message": "Two-factor challenge failed: ann (Remote IP: 192.0.2.7)"}),
    Example(
        "Nextcloud",
        NEXTCLOUD | {"message": 'Login successful: "ann"', "app": "admin_audit"},
        outcome="success",
    ),
    Example(
        "Nextcloud",
        NEXTCLOUD | {"message": 'Password of user "ann" has been changed', "app": "admin_audit"},
        outcome="success",
        action="password.change",
    ),
    Example(
        "Nextcloud",
        NEXTCLOUD
        | {
            "message": "Successful two factor attempt by user Ann A. (ann) with provider TOTP (Authenticator app)",
            "app": "admin_audit",
            "user": "ann",
        },
        outcome="success",
        action="nextcloud.second_factor",
    ),
    Example("GitLab", GITLAB),
    Example("GitLab", GITLAB | {"status": 200}, outcome="unknown"),
    Example("GitLab", GITLAB | {"status": 302, "user_id": 7, "username": "ann"}, outcome="success"),
    Example("GitLab", GITLAB_CODE | {"status": 200}, user=""),
    Example("GitLab", GITLAB_CODE | {"status": 302, "username": "ann"}, outcome="success"),
    Example(
        "GitLab",
        GITLAB
        | {
            "path": "/users/auth/ldapmain/callback",
            "controller": "OmniauthCallbacksController",
            "action": "failure",
            "status": 302,
            "params": [{"key": "username", "value": "ann"}, {"key": "password", "value": "[FILTERED]"}],
        },
    ),
    Example("GitLab", GITLAB_WORDS),
    Example(
        "GitLab",
        GITLAB_WORDS | {"message": "Successful Login: username=ann ip=192.0.2.7 method=standard admin=false"},
        outcome="success",
    ),
    Example("audiobookshelf", SHELF),
    Example(
        "audiobookshelf",
        SHELF | {"message": '[Auth] Failed login attempt for username "ann" from ip 192.0.2.7 (x)'},
    ),
    Example(
        "audiobookshelf",
        SHELF | {"message": '[LocalAuth] User "ann" logged in from ip 192.0.2.7'},
        outcome="success",
        proved=("pwd",),
    ),
    Example("ntfy", NTFY, user=""),
    Example("SFTPGo", SFTPGO),
    Example("SFTPGo", SFTPGO_PASSED, outcome="success", proved=("pop", "pwd")),
    Example("MongoDB", MONGODB),
    Example(
        "MongoDB",
        MONGODB | {"id": 20250, "msg": "Authentication succeeded"},
        outcome="success",
        proved=("pwd",),
    ),
    Example("MongoDB", MONGODB_NEWER, outcome="success", proved=("pwd",)),
    Example("MongoDB", MONGODB_NEWER | {"id": 5286307, "msg": "Failed to authenticate"}),
    Example("MongoDB", MONGODB_AUDIT),
    Example("MongoDB", MONGODB_AUDIT | {"result": 0}, outcome="success", proved=("pwd",)),
    Example("Caddy", CADDY, user=""),
)
OTHERS: tuple[Json, ...] = (
    AUTHENTIK | {"action": "authorize_application"},
    AUTHENTIK | {"event": "/api/v3/root/config/", "logger": "authentik.asgi"},
    AUTHENTIK_API | {"context": {"model": {"model_name": "token"}}},
    TELEPORT | {"event": "session.start", "code": "T2000I"},
    TELEPORT | {"event": "access_request.create", "code": "T5000I"},
    TELEPORT | {"event": "lock.created", "code": "TLK00I"},
    TELEPORT | {"code": "T1011W", "success": False},
    NEXTCLOUD | {"message": 'Login attempt: "ann"', "app": "admin_audit"},
    NEXTCLOUD | {"message": 'Bruteforce attempt from "192.0.2.7" detected for action "login".'},
    NEXTCLOUD | {"message": 'Trusted domain error. "192.0.2.7" tried to access using "x" as host.'},
    NEXTCLOUD | {"message": {"Exception": "Login failed: ann"}},
    GITLAB | {"method": "GET", "action": "new", "status": 200},
    GITLAB | {"controller": "ProjectsController", "action": "show"},
    GITLAB_WORDS | {"message": "User Logout: username=ann ip=192.0.2.7"},
    SHELF | {"message": "[Server] Init v2.17.0"},
    NTFY | {"error_code": 40301, "http_status": 403},
    NTFY | {"error_code": 42909, "http_status": 429},
    SFTPGO | {"login_type": "no_auth_tried", "username": ""},
    SFTPGO | {"sender": "httpd"},
    MONGODB | {"id": 22943, "msg": "Connection accepted"},
    MONGODB_NEWER | {"s": "D3"},
    MONGODB_AUDIT | {"atype": "createUser"},
    CADDY | {"status": 200, "user_id": "ann"},
    CADDY | {"request": {"client_ip": "192.0.2.7", "headers": {"User-Agent": ["UA/1"]}}},
    CADDY | {"resp_headers": {"Www-Authenticate": ['Bearer realm="api"']}},
    CADDY | {"logger": "http.log.error"},
)
