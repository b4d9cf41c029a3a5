"""Which actions prove who somebody is: only their failures and successes are counted as such.

A sign-in that fails says something about whoever tries. A request that fails because a right is missing, a file is
gone or a service is busy says nothing of the kind, and in logs of APIs there are hundreds of those an hour.

>>> [is_sign_in(action) for action in ("login", "login.mobile", "ssh.sudo", "aws.s3.getobject", "export")]
[True, True, True, False, False]
"""

from functools import lru_cache

SIGN_INS = frozenset(
    {
        "login",
        "mfa",
        "ssh.su",
        "ssh.sudo",
        "windows.credential_validation",
        "windows.explicit_credentials",
        "windows.kerberos_ticket",
    }
)
PREFIXES = ("login.", "mfa.")


@lru_cache(maxsize=1_024)
def is_sign_in(action: str) -> bool:
    """Whether an attempt at this action is an attempt to prove an identity."""
    return action in SIGN_INS or action.startswith(PREFIXES)
