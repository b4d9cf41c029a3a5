"""soft-webauthn's device as a process: each line of standard input is a request as in ``emulator.mjs``.

    {"do": "create" | "get", "origin": "...", "options": {...}}    ->    the credential as JSON

Run by an environment of its own; nothing of ours is imported. It takes and gives bytes; here they become base64url.
"""

import importlib
import json
import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

NAMES = ("challenge", "id")


def to_bytes(value: Any) -> Any:
    """Options as the device takes them: what is base64url in JSON, but for the site's own id, is bytes."""
    if isinstance(value, list):
        return [to_bytes(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: urlsafe_b64decode(one + "==") if name in NAMES and isinstance(one, str) else to_bytes(one)
        for name, one in value.items()
    }


def to_text(value: Any) -> Any:
    """A credential as JSON has it."""
    if isinstance(value, dict):
        return {name: to_text(one) for name, one in value.items()}
    if isinstance(value, bytes):
        value = urlsafe_b64encode(value).decode()
    return value.rstrip("=") if isinstance(value, str) else value


def main() -> None:
    """Until the input ends."""
    device = importlib.import_module("soft_webauthn").SoftWebauthnDevice()
    for line in sys.stdin:
        asked = json.loads(line)
        site = asked["options"].get("rp")
        options = to_bytes({name: one for name, one in asked["options"].items() if name != "rp"})
        public = {"publicKey": {**options, "rp": site} if site else options}
        made = (device.create if asked["do"] == "create" else device.get)(public, asked["origin"])
        # Its id is base64url already, as bytes and with padding.
        print(json.dumps(to_text({**made, "id": made["rawId"]})), flush=True)


if __name__ == "__main__":
    main()
