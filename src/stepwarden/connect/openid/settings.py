"""What the operator says of one OpenID provider.

    ProviderSettings(
        name="Example ID", issuer="https://id.example/realms/bank", client_id="stepwarden", client_secret="...",
        claim="sub", level_claim="acr", acr={"silver": 1, "gold": 2}, acr_values="gold", scope="openid",
        allow_private=False, seconds=5.0,
    )

The table ``acr`` is the only thing that gives a level: a value that is not in it is worth nothing, however it
sounds. Everything that is asked for stands in it, or the very answer that was asked for would be refused.
"""

from typing import Annotated, Final

import msgspec

from stepwarden.connect.urls import CheckedUrl, check_url
from stepwarden.errors import SettingsError
from stepwarden.events.attempt import NO_CONTROL

MAX_VALUES: Final = 64
"""Values of ``acr`` that a provider may have."""
_VISIBLE = r"\A[\x21\x23-\x5b\x5d-\x7e]{1,256}\Z"  # RFC 6749 (3.3): no space, quote, backslash
_Token = Annotated[str, msgspec.Meta(pattern=_VISIBLE)]


class ProviderSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One provider.

    Args:
        name: what people call it, as it stands on the page.
        issuer: its name, letter for letter as its own discovery document has it; https, without query.
        client_id: ours there.
        client_secret: ours there, from the environment.
        claim: the claim of the identity token whose value is the actor's id. ``email`` counts only beside
            ``email_verified``.
        level_claim: the claim that says what was proved: ``acr``, or a list such as Entra ID's ``acrs``. ``acr`` is
            asked for by ``acr_values``, every other one by the parameter ``claims``, and then by one value.
        acr: value of that claim to the level that it is worth here.
        acr_values: which of them are asked for, separated by spaces, the preferred one first.
        scope: what the claim needs, ``openid`` among it.
        allow_private: let its addresses lead to a private network, or to this machine, then also by plain http.
        seconds: for one request to it, all of it.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=NO_CONTROL)]
    issuer: str
    client_id: Annotated[str, msgspec.Meta(pattern=r"\A[\x20-\x7e]{1,256}\Z")]
    client_secret: Annotated[str, msgspec.Meta(pattern=r"\A[\x20-\x7e]{1,512}\Z")]
    acr: dict[_Token, Annotated[int, msgspec.Meta(ge=1, le=3)]]
    acr_values: str
    claim: _Token = "sub"
    level_claim: _Token = "acr"
    scope: str = "openid"
    allow_private: bool = False
    seconds: Annotated[float, msgspec.Meta(gt=0, le=30)] = 5.0

    def __repr__(self) -> str:
        return f"ProviderSettings({self.name!r}, {self.issuer!r})"

    @property
    def asked(self) -> tuple[str, ...]:
        """The values that are asked for."""
        return tuple(self.acr_values.split(" "))


def check_settings(settings: ProviderSettings) -> None:
    """Check what the types do not say, and the types again for settings that were made by hand.

    Raises:
        SettingsError: it cannot be used.
    """
    try:
        msgspec.convert(msgspec.structs.asdict(settings), ProviderSettings, strict=True)
    except msgspec.ValidationError as exc:
        raise SettingsError(f"the OpenID provider's settings: {exc}") from None
    if "?" in settings.issuer:
        raise SettingsError("an OpenID provider's issuer has no query")
    check_endpoint(settings.issuer, allow_private=settings.allow_private)
    if not 0 < len(settings.acr) <= MAX_VALUES:
        raise SettingsError(f"an OpenID provider has 1 to {MAX_VALUES} values of acr that are worth a level")
    if not set(settings.asked) <= settings.acr.keys():
        raise SettingsError("acr_values holds a value that is worth no level: add it to acr")
    if settings.level_claim != "acr" and len(settings.asked) != 1:
        raise SettingsError("exactly one value can be asked for where level_claim is not acr")
    if "openid" not in settings.scope.split(" "):
        raise SettingsError("scope must hold openid")


def check_endpoint(url: str, *, allow_private: bool) -> CheckedUrl:
    """An address that the provider has: https; with ``allow_private`` plain http to a literal address of this machine.

    Raises:
        SettingsError: it is none.
    """
    found = check_url(url, allow_private=allow_private, allow_http=allow_private)
    if found.scheme == "http" and found.host not in ("127.0.0.1", "::1"):
        raise SettingsError("an OpenID provider's address must begin with https://")
    return found
