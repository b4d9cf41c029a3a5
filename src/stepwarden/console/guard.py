"""What keeps pages from being used against those who look at them: headers, cookies, and whose form was sent.

Every POST has to show three things, else it is refused before anything is looked at:

1. the cookie of a browser that has been here (so it is no bare request),
2. ``csrf``: HMAC-SHA256 of that cookie under a key of ours, which no other site can know; compared in constant time,
3. ``Origin`` and ``Sec-Fetch-Site``, where the browser sends them, say that the form was on a page of ours. Because
   our
   pages send no referrer, browsers write ``Origin: null`` for our own forms: that is no proof, and no fault either.

The content security policy lets nothing in but our own files: no script or style that stands in a page, no frame in
either direction, no other site. ``form-action`` names the applications as well, because Chrome asks it for the
redirects that follow a form too. ``Cross-Origin-Opener-Policy`` cuts every tie to whoever opened the window; only a
page in a popup must keep it, else the application could not be told: a policy of ``same-origin-allow-popups`` there
would cut the tie as well, it spares only windows that the page opens *itself*.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

Headers = Mapping[bytes, bytes]
KEY_BYTES: Final = 32
_ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
_PERMISSIONS: Final = (
    b"publickey-credentials-get=(self), publickey-credentials-create=(self), "
    b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"
)


class Guard:
    """What of all this depends on the settings. ``site`` is our own origin, ``apps`` those of the applications."""

    def __init__(self, *, site: str, apps: frozenset[str], key: bytes) -> None:
        if len(key) < KEY_BYTES:
            raise ValueError(f"the key of the forms has {KEY_BYTES} bytes at least")
        self._site = site
        self._key = key
        self._secure = site.startswith("https:")
        targets = " ".join(("'self'", *sorted(apps)))
        self._policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            f"form-action {targets}; "
            "frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
        ).encode()
        prefix = "__Host-" if self._secure else ""
        self.browser_cookie = f"{prefix}stepwarden"
        self.session_cookie = f"{prefix}stepwarden-account"
        self.language_cookie = f"{prefix}stepwarden-language"

    def csrf(self, browser: str) -> str:
        """What the forms of this browser carry."""
        digest = hmac.digest(self._key, b"stepwarden form v1\n" + browser.encode(), sha256)
        return urlsafe_b64encode(digest).rstrip(b"=").decode()

    def is_ours(self, headers: Headers, *, browser: str, token: str) -> bool:
        """Whether a form was sent by this browser from a page of ours. ``browser``: "" for no cookie."""
        right = hmac.compare_digest(self.csrf(browser).encode(), token.encode("utf-8", "replace"))
        origin = headers.get(b"origin", b"null")
        site = headers.get(b"sec-fetch-site", b"same-origin")
        return (
            bool(browser)
            and right
            and origin in (b"null", self._site.encode())
            and site in (b"same-origin", b"none")
        )

    def page_headers(self, *, popup: bool) -> list[tuple[bytes, bytes]]:
        """Of every page, and of what our scripts fetch."""
        return [
            *_ALWAYS,
            (b"cache-control", b"no-store"),
            (b"content-security-policy", self._policy),
            (b"x-frame-options", b"DENY"),
            (b"cross-origin-opener-policy", b"unsafe-none" if popup else b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
            (b"permissions-policy", _PERMISSIONS),
            (b"vary", b"cookie, accept-language"),
        ]

    def cookie(self, name: str, value: str) -> tuple[bytes, bytes]:
        """A cookie until the browser is closed; an empty value takes it away.

        ``Lax``, not ``Strict``: people come here by a redirect from their application, and a Strict cookie does not
        come along on that way, so that the page would take them for somebody new. What Strict would save us from
        are forms that another site sends; those carry no Lax cookie either, and are refused by their token besides.
        """
        secure = "; Secure" if self._secure else ""
        gone = "" if value else "; Max-Age=0"
        return b"set-cookie", f"{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{gone}".encode()


def static_headers(*, public: bool) -> tuple[tuple[bytes, bytes], ...]:
    """Of a file. ``public``: the one that applications embed, which has no hash in its name and changes with us."""
    if public:
        return (
            *_ALWAYS,
            (b"cache-control", b"public, max-age=300"),
            (b"access-control-allow-origin", b"*"),
            (b"cross-origin-resource-policy", b"cross-origin"),
        )
    return (
        *_ALWAYS,
        (b"cache-control", b"public, max-age=31536000, immutable"),
        (b"cross-origin-resource-policy", b"same-origin"),
    )
