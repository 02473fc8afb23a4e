"""A second reference: the loop by the provider's SDK, with as many calls in flight."""

import asyncio
import json
import sys
from collections.abc import Iterator
from typing import Any

import openai

from benchmarks.bare_loop import cpu_seconds


async def worker(client: openai.AsyncOpenAI, bodies: Iterator[dict[str, Any]]) -> int:
    answered = 0
    for body in bodies:
        reply = await client.chat.completions.create(**body)
        json.loads(reply.choices[0].message.content or "")
        answered += 1
    return answered


async def ask(url: str, bodies: list[dict[str, Any]], concurrency: int) -> int:
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
        shared = iter(bodies)
        return sum(await asyncio.gather(*(worker(client, shared) for _ in range(concurrency))))


if __name__ == "__main__":
    url, concurrency = sys.argv[1], int(sys.argv[2])
    bodies = [json.loads(line) for line in sys.stdin.buffer]
    asyncio.run(ask(url, bodies[:1], 1))  # imports what the others will need
    before = cpu_seconds()
    answered = asyncio.run(ask(url, bodies, concurrency))
    print(json.dumps({"answered": answered, "cpu_seconds": cpu_seconds() - before}))
