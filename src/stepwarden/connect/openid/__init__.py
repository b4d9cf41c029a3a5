"""Step-up by an OpenID provider that the operator already has.

``client`` says how it goes, ``idtoken`` what is believed of the answer.
"""

from stepwarden.connect.openid.client import ProviderClient, provider_http
from stepwarden.connect.openid.settings import ProviderSettings

__all__ = ["ProviderClient", "ProviderSettings", "provider_http"]
