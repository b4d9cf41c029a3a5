"""Look-ups: what is known of an address and of a user agent, from data on this machine and nowhere else.

``addresses`` puts together, strongest first: special ranges of the standards (``special``), the operator's
own range lists (``ranges``) and MaxMind-format files (``maxmind``), and the country and network data that
is installed with Stepwarden (``builtin``, made compact by ``compile_builtin``). ``agents`` reads user
agents.

Nothing here opens a connection. Files are read at the start; a file that cannot be read is a
``LookupDataError`` then, and never an error of a look-up.
"""

from stepwarden.connect.lookups.addresses import Addresses, open_addresses
from stepwarden.connect.lookups.agents import Agents
from stepwarden.connect.lookups.ranges import RangeList

__all__ = ["Addresses", "Agents", "RangeList", "open_addresses"]
