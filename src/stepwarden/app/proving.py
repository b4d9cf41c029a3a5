"""Everything about proving who one is, built over an open log: challenges, factors, grants, pages.

Here the settings become parts: whose site passkeys are for, who carries codes, which provider is asked, who signs
grants.
"""

import hmac
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from stepwarden.app.core import Core, World
from stepwarden.app.openid import make_openid
from stepwarden.app.paths import Paths
from stepwarden.app.settings import Mail, Settings, Webhook
from stepwarden.app.token_keys import open_jose
from stepwarden.connect.couriers.mail import MailCourier
from stepwarden.connect.couriers.signing import read_secret
from stepwarden.connect.couriers.webhook import WebhookCourier
from stepwarden.console.qr import draw_code
from stepwarden.console.way import origin_of
from stepwarden.console.words import approval_words
from stepwarden.errors import SettingsError
from stepwarden.flow.account import Account
from stepwarden.flow.asked import Asked, AskedFor
from stepwarden.flow.attempts import Attempts
from stepwarden.flow.audited import Reads
from stepwarden.flow.challenges import Challenges
from stepwarden.flow.couriers import Courier, Message
from stepwarden.flow.drafts import Drafts
from stepwarden.flow.enrolments import Enrolments, PasskeyRules
from stepwarden.flow.entrances import Entrances
from stepwarden.flow.factors import Factors
from stepwarden.flow.grants import Grants
from stepwarden.flow.holding import Holding
from stepwarden.flow.notices import Notices
from stepwarden.flow.overview import Overviews
from stepwarden.flow.pages import Pages, Provider
from stepwarden.flow.people import derive
from stepwarden.flow.proving import Proving
from stepwarden.flow.reading import Reading
from stepwarden.flow.sessions import Sessions
from stepwarden.flow.stepups import StepUps
from stepwarden.flow.vault import Vault
from stepwarden.policy.approval import Approval
from stepwarden.stepup.means import Means

COURIER_SECONDS: Final = 15.0
CODE_MINUTES: Final = 10
CALLBACK: Final = "/v1/push/answer"
PROVIDER_CALLBACK: Final = "/openid/callback"
ACCOUNT: Final = "/account"


def public_url(settings: Settings, *, port: int = 0) -> str:
    """How callers reach the service, without a slash at the end. ``port``: the one that is listened on, if known.

    On this machine alone it is called localhost: no browser knows passkeys for an address.
    """
    host = settings.server.host
    if host in ("127.0.0.1", "::1"):
        host = "localhost"
    elif ":" in host:
        host = f"[{host}]"
    return settings.server.public_url.rstrip("/") or f"http://{host}:{port or settings.server.port}"


def make_proving(
    paths: Paths,
    settings: Settings,
    world: World,
    core: Core,
    attempts: Attempts,
    asked: AskedFor,
    vault: Vault,
    holding: Holding,
    reading: Reading,
    reads: Reads,
    *,
    url: str,
    label: Callable[[str], Awaitable[object]],
    live: Callable[[str], bool],
) -> Proving:
    """Build it.

    Args:
        url: how callers reach the service: of passkeys, grants and callbacks.
        label: says of an attempt that the person says it was not them.
        live: whether there is an API key of this id.

    Raises:
        SettingsError, KeyFileError: a setting, or a key, that cannot be used.
    """
    recorder = core.recorder
    jose = open_jose(paths.keys.tokens, url, identities=bool(settings.openid.clients))
    grants = Grants(recorder, asked, jose)
    code_key = derive(core.keys.master, "stepwarden/codes/v1")
    means = Means(
        secrets=vault,
        keyed=lambda data: hmac.digest(code_key, data, "sha256").hex(),
        mint=grants.mint,
        rp_id=settings.webauthn.rp_id or urlsplit(url).hostname or "",
        origins=frozenset(settings.webauthn.origins or (_origin(url),)),
    )
    couriers = make_couriers(settings, world)
    notices = Notices(vault, couriers.get("email"))
    stepups = StepUps(
        recorder,
        means,
        holding=holding,
        couriers=couriers,
        notices=notices,
        callback=url + CALLBACK,
        entropy=world.entropy,
    )
    drafts = Drafts(clock=recorder.now, entropy=world.entropy)
    enrolments = Enrolments(
        recorder,
        attempts,
        vault,
        means,
        drafts,
        notices,
        issuer=settings.issuer,
        passkeys=PasskeyRules(
            name=settings.issuer, trust=settings.webauthn.trust, roots=_roots(settings.webauthn.roots)
        ),
        entropy=world.entropy,
    )
    pages = Pages(
        recorder,
        stepups,
        attempts,
        asked,
        core.describer,
        vault,
        means,
        core.cookies,
        provider=make_provider(settings, url, world),
        sends=frozenset(couriers),
        entropy=world.entropy,
    )
    account = Account(
        recorder,
        attempts,
        pages,
        enrolments,
        Overviews(recorder, reading, reads, vault, frozenset(couriers)),
        notices,
        label=label,
        send=_sender(couriers, recorder.now),
        draw=draw_code,
        token_of=core.describer.session,
        whence=core.describer.whence,
        entropy=world.entropy,
    )
    secret = read_secret(settings.push.secret, name="push.secret") if settings.push.url else b""
    openid = make_openid(settings, recorder, attempts, pages, jose, live=live, entropy=world.entropy)
    apps = frozenset(settings.pages.apps)
    return Proving(
        stepups,
        enrolments,
        grants,
        pages,
        account,
        Challenges(recorder, stepups, pages, asked, words=_words),
        Factors(recorder, enrolments, reads),
        Sessions(recorder, token_of=core.describer.session),
        Entrances(recorder, account, address=url + ACCOUNT, is_app=lambda to: origin_of(to) in apps),
        secret,
        openid,
    )


def _words(approval: Approval | None, asked: Asked, language: str) -> str:
    return approval_words(
        approval,
        action=asked.action,
        resource=asked.resource,
        parameters=asked.parameters,
        language=language,
    ).sentence


def make_couriers(settings: Settings, world: World) -> dict[str, Courier]:
    """Who carries what to people, by kind of factor.

    Raises:
        SettingsError: an address or a secret that cannot be used.
    """
    found: dict[str, Courier] = {}
    if settings.mail.host:
        found["email"] = _mail(settings.mail, world)
    for kind, named in (("sms", settings.sms), ("push", settings.push)):
        if named.url:
            found[kind] = _webhook(named, kind, world)
    return found


def _mail(named: Mail, world: World) -> MailCourier:
    return MailCourier(
        named.host,
        named.port,
        sender=named.sender,
        username=named.username,
        password=named.password,
        tls=named.tls,
        timeout=COURIER_SECONDS,
        cafile=Path(named.cafile) if named.cafile else None,
        clock=world.clock,
    )


def _webhook(named: Webhook, kind: str, world: World) -> WebhookCourier:
    return WebhookCourier(
        named.url,
        secret=read_secret(named.secret, name=f"{kind}.secret"),
        timeout=COURIER_SECONDS,
        allow_private=named.allow_private,
        clock=world.clock,
    )


def make_provider(settings: Settings, url: str, world: World) -> Provider | None:
    """The OpenID provider that does the step-up, if there is one.

    Raises:
        SettingsError: it cannot be used.
    """
    named = settings.provider
    if not named.issuer:
        return None
    # Loaded where it is needed: few have a provider, and it costs a start a fifth of a second.
    from stepwarden.connect.openid import ProviderClient, ProviderSettings, provider_http

    made = ProviderSettings(
        name=named.name or named.issuer,
        issuer=named.issuer,
        client_id=named.client_id,
        client_secret=named.client_secret,
        claim=named.claim,
        level_claim=named.level_claim,
        acr=dict(named.acr),
        acr_values=named.acr_values,
        scope=named.scope,
        allow_private=named.allow_private,
    )
    return ProviderClient(
        made,
        redirect_uri=url + PROVIDER_CALLBACK,
        entropy=world.entropy,
        clock=world.clock,
        http=provider_http(made),
    )


def _sender(
    couriers: dict[str, Courier], now: Callable[[], int]
) -> Callable[[str, str, str, str], Awaitable[None]]:
    async def send(factor: str, address: str, code: str, language: str) -> None:
        message = Message(
            kind="code",
            challenge="",
            to=address,
            code=code,
            number="",
            words="",
            language=language,
            expires=now() + CODE_MINUTES * 60_000_000,
        )
        await couriers[factor].send(message)

    return send


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _roots(named: tuple[str, ...]) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for one in named:
        kind, _, path = one.partition("=")
        try:
            found.setdefault(kind, []).append(Path(path).read_bytes())
        except OSError as exc:
            raise SettingsError(f"webauthn.roots: {one}: write it like packed=/path/to.pem") from exc
    return found
