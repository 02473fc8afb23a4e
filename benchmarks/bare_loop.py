"""The reference: the loop people write first. Ask everything, keep the answers, promise nothing."""

import asyncio
import json
import resource
import sys
from collections.abc import Iterator

import aiohttp


async def worker(session: aiohttp.ClientSession, url: str, bodies: Iterator[bytes]) -> int:
    answered = 0
    for body in bodies:
        async with session.post(url, data=body) as response:
            reply = json.loads(await response.read())
            json.loads(reply["choices"][0]["message"]["content"])
            answered += 1
    return answered


async def ask(url: str, bodies: list[bytes], concurrency: int) -> int:
    connector = aiohttp.TCPConnector(limit=0)
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        shared = iter(bodies)
        crew = (worker(session, url, shared) for _ in range(concurrency))
        return sum(await asyncio.gather(*crew))


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    url, concurrency = sys.argv[1], int(sys.argv[2])
    bodies = [line.rstrip(b"\n") for line in sys.stdin.buffer]
    before = cpu_seconds()
    answered = asyncio.run(ask(f"{url}/chat/completions", bodies, concurrency))
    print(json.dumps({"answered": answered, "cpu_seconds": cpu_seconds() - before}))
