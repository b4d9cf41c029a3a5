"""Settings: from ``stepwarden.toml`` in the data directory, then the environment, then the command line.

    [server]
    host = "127.0.0.1"
    port = 8700
    queue_limit = 2048
    trusted_proxies = ["127.0.0.1/32", "10.0.0.0/8"]

    [log]
    origin = "log.example.com/stepwarden"

    [addresses]
    country_db = "/usr/share/GeoIP/GeoLite2-Country.mmdb"
    vpn = ["/etc/stepwarden/vpn.txt"]

An unknown name or a value of the wrong type is an error that says which. The environment names a setting as
``STEPWARDEN_SERVER_PORT``.
"""

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from stepwarden.errors import SettingsError
from stepwarden.flow.facts import Network
from stepwarden.signals.limits import STANDARD, Limits

FILE = "stepwarden.toml"
PREFIX = "STEPWARDEN_"


class Server(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``queue_limit``: entries that may wait for the disk before attempts are refused with 503.

    ``public_url``: how callers reach the service, for its own links; never taken from a request.
    ``metrics_open``: let ``/metrics`` be read without a key.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8700
    queue_limit: Annotated[int, msgspec.Meta(ge=16, le=65_536)] = 2048
    trusted_proxies: tuple[str, ...] = ()
    public_url: str = ""
    metrics_open: bool = False


class Log(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``origin`` names the log in its checkpoints: a URL without scheme. It cannot change later.

    ``readers``: who may read the log as files under ``/log``: with a ``key`` only, or anybody its ``tree`` (checkpoint
    and hashes), or ``all`` of it, entries included.

    ``store``: where the log is kept: "" for a file in the data directory, or ``postgresql://user@host/database``, and
    there in the schema ``schema``. A password is better in the environment (PGPASSWORD) or in ``~/.pgpass``.
    """

    origin: str = ""
    readers: Literal["key", "tree", "all"] = "key"
    store: str = ""
    schema: str = "stepwarden"


class Addresses(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files about addresses: MaxMind-format databases, and lists of ranges, one CIDR a line."""

    country_db: str = ""
    asn_db: str = ""
    city_db: str = ""
    anonymous_db: str = ""
    vpn: tuple[str, ...] = ()
    datacenter: tuple[str, ...] = ()
    tor: tuple[str, ...] = ()
    relay: tuple[str, ...] = ()
    anycast: tuple[str, ...] = ()
    builtin: bool = True


class Memory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many records the signals keep of each kind; see docs/signals.md for what they cost."""

    actors: int = STANDARD.actors
    active: int = STANDARD.active
    addresses: int = STANDARD.addresses
    networks: int = STANDARD.networks
    devices: int = STANDARD.devices
    sessions: int = STANDARD.sessions
    trouble: int = STANDARD.trouble
    labels: int = STANDARD.labels
    population: int = STANDARD.population
    custom: int = STANDARD.custom

    def limits(self) -> Limits:
        return Limits(**msgspec.structs.asdict(self))


class Doubt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens when something outside knows a longer or another log: ``refuse`` or ``raise``.

    ``checkpoints``: files, or folders of files, of checkpoints that somebody keeps. ``published``: where our own newest
    one is kept ("": ``published.checkpoint`` in the data directory). ``require``: so many sources outside must agree
    at the start. ``seconds``: between two looks while serving. Paths are relative to the data directory.
    """

    then: Literal["refuse", "raise"] = "refuse"
    checkpoints: tuple[str, ...] = ()
    published: str = ""
    require: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    seconds: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 300


class Anchors(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A time-stamping authority (RFC 3161) that stamps the log's checkpoint every ``hours``.

    ``url`` "": none. ``roots``: a PEM file of the certificates that are trusted to issue the authority's.
    ``policy``: the authority's policy (an OID) that its stamps must be under, "" for any. ``folder``: where stamps
    are kept beside the log ("": ``anchors`` in the data directory). Paths are relative to the data directory.
    """

    url: str = ""
    roots: str = ""
    policy: str = ""
    folder: str = ""
    hours: Annotated[int, msgspec.Meta(ge=1, le=8_760)] = 1


class Witnesses(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who cosigns the log's checkpoints, and what waits for them; see docs/witness.md.

    ``policy``: a tlog-policy file, relative to the data directory ("": no witnesses). ``seconds``: between two
    published checkpoints; ``timeout``: seconds that witnesses get. ``required``: the classes of event whose success is
    held until a quorum has signed (``challenge.passed``); of these only ``actions`` (none named: all), at a demanded
    level of ``aal`` or above. ``plain_http``: ask witnesses on other machines without TLS, too.
    """

    policy: str = ""
    seconds: Annotated[float, msgspec.Meta(ge=0.1, le=3600)] = 1.0
    timeout: Annotated[float, msgspec.Meta(ge=0.1, le=60)] = 5.0
    required: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    aal: Annotated[int, msgspec.Meta(ge=0, le=3)] = 0
    plain_http: bool = False


class Signer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where signing keys come from when a log begins and when its key is rotated: ``file`` or ``ssh-agent``.

    ``key`` is the fingerprint (``SHA256:...``) or the comment of the agent's key; empty where it has only one.
    ``socket`` is the agent's; empty: that of ``SSH_AUTH_SOCK``.
    """

    kind: Literal["file", "ssh-agent"] = "file"
    key: str = ""
    socket: str = ""


class Retention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long entries stay; see docs/retention.md. Off by default.

    ``keep``: prune daily what is older than this (``400d``, ``7y``; "": never by itself). ``rule``: the rule in words,
    as it stands in the log. ``archive``: a directory or ``s3://bucket/prefix`` that must hold what goes ("": that of
    ``archive.to``).
    """

    keep: str = ""
    rule: str = ""
    archive: str = ""


class Archived(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The archive that is kept up while the service runs; see docs/archive.md. Off by default.

    ``to``: a directory or ``s3://bucket/prefix``; ``endpoint``: of the object store ("": AWS). ``seconds``: between two
    exports. ``retain_days``: how long full tiles and checkpoints are locked in an object store (0: no lock).
    """

    to: str = ""
    endpoint: str = ""
    seconds: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 60
    retain_days: Annotated[int, msgspec.Meta(ge=0, le=36_600)] = 0


class Pages(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The pages that people see; see docs/pages.md.

    ``apps``: the origins of the applications that people come from and go back to (``https://shop.example.com``):
    nobody is sent anywhere else. ``issuer`` of the settings is the name that is shown.
    """

    apps: tuple[str, ...] = ()


class Webauthn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Passkeys; see docs/factors/passkeys.md.

    ``rp_id``: the site that they are for ("": the host of ``server.public_url``); it cannot change later. ``origins``:
    where they may be asked for ("": ``server.public_url``). ``trust``: whose word makes a key a hardware key, and so
    AAL3: ``attested``, a certificate under one of ``roots`` (``packed=/etc/stepwarden/fido.pem``, by attestation
    format); ``flags``: the authenticator's own.
    """

    rp_id: str = ""
    origins: tuple[str, ...] = ()
    trust: Literal["attested", "flags"] = "attested"
    roots: tuple[str, ...] = ()


class Mail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Codes and notices by mail; see docs/factors/email.md. ``host`` "": none.

    ``password``: better in the environment.
    """

    host: str = ""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 587
    sender: str = ""
    username: str = ""
    password: str = ""
    tls: Literal["starttls", "tls", "none"] = "starttls"
    cafile: str = ""


class Webhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A provider of text messages, or of pushes; see docs/factors/sms-and-push.md. ``url`` "": none.

    ``secret``: ``whsec_...``, better in the environment. ``allow_private``: the provider is on a private network.
    """

    url: str = ""
    secret: str = ""
    allow_private: bool = False


class Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An OpenID provider that does the step-up; see docs/factors/openid.md. ``issuer`` "": none.

    ``name`` is shown; ``claim``: whose value is the actor's id; ``acr``: which level each value of ``acr`` gives;
    ``acr_values``: what is asked for. ``level_claim`` is where its answer says the level, ``scope`` what is asked for
    beside it. ``client_secret``: better in the environment.
    """

    name: str = ""
    issuer: str = ""
    client_id: str = ""
    client_secret: str = ""
    claim: str = "sub"
    acr: dict[str, Annotated[int, msgspec.Meta(ge=1, le=3)]] = {}
    acr_values: str = ""
    level_claim: str = "acr"
    scope: str = "openid"
    allow_private: bool = False


class OpenIdClient(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A client of our own OpenID provider; it signs in with the API key of its name (docs/openid-provider.md)."""

    redirect_uris: tuple[str, ...]


class OpenId(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stepwarden as an OpenID provider for step-up: its clients, by the id of the API key that each has."""

    clients: dict[str, OpenIdClient] = {}


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set. ``issuer`` is the name that authenticator apps show."""

    server: Server = Server()
    log: Log = Log()
    addresses: Addresses = Addresses()
    memory: Memory = Memory()
    signer: Signer = Signer()
    doubt: Doubt = Doubt()
    anchors: Anchors = Anchors()
    witnesses: Witnesses = Witnesses()
    retention: Retention = Retention()
    archive: Archived = Archived()
    pages: Pages = Pages()
    webauthn: Webauthn = Webauthn()
    mail: Mail = Mail()
    sms: Webhook = Webhook()
    push: Webhook = Webhook()
    provider: Provider = Provider()
    openid: OpenId = OpenId()
    issuer: str = "Stepwarden"
    policy: str = ""

    def proxies(self) -> tuple[Network, ...]:
        """Raises: SettingsError: not networks in CIDR notation."""
        found = []
        for text in self.server.trusted_proxies:
            try:
                found.append(ipaddress.ip_network(text))
            except ValueError as exc:
                raise SettingsError(f"server.trusted_proxies: {exc} (write it like 10.0.0.0/8)") from exc
        return tuple(found)


def load_settings(data: Path, environment: Mapping[str, str], given: Mapping[str, Any]) -> Settings:
    """Read the settings of a data directory.

    Args:
        environment: where ``STEPWARDEN_...`` variables are looked for.
        given: ``{"server.port": 8700}``, from the command line; None values are left out.

    Raises:
        SettingsError: the file, a variable or an option is unknown or has a value that cannot be used.
    """
    path = data / FILE
    tree: dict[str, Any] = {}
    if path.exists():
        try:
            tree = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
            raise SettingsError(f"{path}: {exc}") from exc
    known = _names(Settings)
    for name in known:
        value = environment.get(PREFIX + name.replace(".", "_").upper())
        if value is not None:
            _set(tree, name, value.split(",") if known[name] else value)
    for name, value in given.items():
        if value is not None:
            _set(tree, name, value)
    try:
        return msgspec.convert(tree, Settings, strict=False)
    except msgspec.ValidationError as exc:
        raise SettingsError(f"{path.name}, environment or options: {exc}") from exc


def _names(kind: type[msgspec.Struct], prefix: str = "") -> dict[str, bool]:
    """All settings by dotted name, and whether each is a list."""
    found: dict[str, bool] = {}
    for field in msgspec.structs.fields(kind):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            found |= _names(field.type, f"{prefix}{field.name}.")
        else:
            found[prefix + field.name] = isinstance(field.default, tuple)
    return found


def _set(tree: dict[str, Any], name: str, value: Any) -> None:
    *sections, last = name.split(".")
    for section in sections:
        tree = tree.setdefault(section, {})
        if not isinstance(tree, dict):
            raise SettingsError(f"{name}: {section} is not a section")
    tree[last] = value


def environment() -> Mapping[str, str]:
    """The process's own environment."""
    return os.environ
