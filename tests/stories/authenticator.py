"""The person's authenticator: codes by ``oathtool`` (OATH Toolkit), which shares no code with ours.

A code is good for its 30 seconds and those around, and never after a later one. So a person here shows
the code of the step that the story began in first, and that of the following step next: both are accepted until the
story is half a minute old, without waiting.
"""

import os
import shutil
import subprocess
import time
from functools import cache

import pytest

INSTALL = "apt-get update -qq && apt-get install -y -qq --no-install-recommends oathtool"


@cache
def oathtool() -> str:
    """Its path; installed from Debian where it is missing and we may."""
    found = shutil.which("oathtool")
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["sh", "-c", INSTALL], check=False, capture_output=True, timeout=300)
        found = shutil.which("oathtool")
    if found is None:
        reason = "oathtool is missing and cannot be installed by this user: apt-get install oathtool"
        print(reason)
        pytest.skip(reason)
    return found


class Authenticator:
    """One person's device."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._step = int(time.time()) // 30

    def code(self) -> str:
        """The next code; each call is one step later."""
        at, self._step = self._step * 30, self._step + 1
        made = subprocess.run(
            [oathtool(), "--totp", "--base32", f"--now=@{at}", "-"],
            input=self._secret + "\n",
            capture_output=True,
            text=True,
            check=True,
        )
        return made.stdout.strip()
