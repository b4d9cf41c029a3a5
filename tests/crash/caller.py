"""A process of callers of one running service.

    python -m tests.crash.caller URL KEY NAME CALLERS EACH

Each caller asks about actions that nobody else asks about. Each answer is one line: action, index, size, and the
checkpoint in base64.
"""

import asyncio
import base64
import os
import sys

import httpx


async def caller(http: httpx.AsyncClient, name: str, each: int) -> None:
    for number in range(each):
        action = f"{name}.{number}"
        answer = await http.post("/v1/attempts", json={"action": action, "actor": f"person-{name}"})
        assert answer.status_code == 200, answer.text
        receipt = answer.json()["receipt"]
        note = base64.b64encode(receipt["checkpoint"].encode()).decode()
        os.write(sys.stdout.fileno(), f"{action} {receipt['index']} {receipt['size']} {note}\n".encode())


async def main(url: str, key: str, name: str, callers: int, each: int) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, trust_env=False) as http:
        await asyncio.gather(*(caller(http, f"{name}.{number}", each) for number in range(callers)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
