"""Bare transports: a loop over one client, 50 at a time, with no journal, plan or parse. The ceiling to be held against.

    python benchmarks/peers/bare.py --base-url URL [--transport NAME] [--uvloop]

Without ``--transport`` each one runs in a process of its own, in turn, against the same server. Each returns the text
of the answer; the variants ``raw`` and ``post`` give status, headers and body bytes too, and are read with :mod:`json`.
"""

import measure  # isort: split

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from itertools import product
from typing import Any

from environments import run_bare

Send = Callable[[dict[str, Any]], Awaitable[str]]
"""Sends the body of a request, gives the answer's text."""


def text_of(content: bytes) -> str:
    """The answer's text in the body of a response."""
    return json.loads(content)["choices"][0]["message"]["content"]


async def aiohttp_post(stack: AsyncExitStack, base_url: str, slots: int) -> Send:
    """aiohttp alone."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=slots)
    session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))

    async def send(body: dict[str, Any]) -> str:
        async with session.post(f"{base_url}/chat/completions", json=body) as response:
            return text_of(await response.read())

    return send


def openai_client(back_end: str, base_url: str, slots: int) -> Any:
    """The client of the openai package on its default back end (httpx) or its other one (aiohttp)."""
    import httpx2
    import openai

    kind = openai.DefaultAioHttpClient if back_end == "aiohttp" else openai.DefaultAsyncHttpxClient
    limits = httpx2.Limits(max_connections=slots, max_keepalive_connections=slots)
    return openai.AsyncOpenAI(
        api_key="none", base_url=base_url, max_retries=0, http_client=kind(limits=limits, trust_env=False)
    )


async def openai_create(stack: AsyncExitStack, client: Any) -> Send:
    """``chat.completions.create``: the answer as typed objects."""
    await stack.enter_async_context(client)

    async def send(body: dict[str, Any]) -> str:
        completion = await client.chat.completions.create(**body)
        return completion.choices[0].message.content

    return send


async def openai_raw(stack: AsyncExitStack, client: Any) -> Send:
    """``with_raw_response``: status, headers, bytes."""
    await stack.enter_async_context(client)
    create = client.chat.completions.with_raw_response.create

    async def send(body: dict[str, Any]) -> str:
        raw = await create(**body)
        return text_of(raw.http_response.content)

    return send


async def openai_post(stack: AsyncExitStack, client: Any) -> Send:
    """``client.post(cast_to=Response)``: the same, without the checks of each argument."""
    import httpx2

    await stack.enter_async_context(client)

    async def send(body: dict[str, Any]) -> str:
        response = await client.post("/chat/completions", cast_to=httpx2.Response, body=body)
        return text_of(response.content)

    return send


TRANSPORTS = ("aiohttp", *(f"openai-{end}-{way}" for end in ("httpx", "aiohttp") for way in ("create", "raw", "post")))
_WAYS = {"create": openai_create, "raw": openai_raw, "post": openai_post}


async def open_transport(name: str, stack: AsyncExitStack, base_url: str, slots: int) -> Send:
    """The transport of that name; ``stack`` closes it."""
    if name == "aiohttp":
        return await aiohttp_post(stack, base_url, slots)
    _, back_end, way = name.split("-")
    return await _WAYS[way](stack, openai_client(back_end, base_url, slots))


async def loop_over(name: str, base_url: str, rows: int, concurrency: int) -> tuple[list[str], measure.Stopwatch]:
    """All answers, and a stopwatch that was started once the client stood; any failure ends the loop."""
    async with AsyncExitStack() as stack:
        send = await open_transport(name, stack, base_url, concurrency)
        pending = iter(measure.prompts(rows))
        answers: list[str] = []
        stopwatch = measure.Stopwatch()
        async with asyncio.TaskGroup() as workers:
            for _ in range(concurrency):
                workers.create_task(_work(send, pending, answers))
        return answers, stopwatch


async def _work(send: Send, pending: Iterator[str], answers: list[str]) -> None:
    for prompt in pending:
        body = {"model": "bench", "messages": [{"role": "user", "content": prompt}], "temperature": 1.0}
        answers.append(await send(body))


def table(base_url: str, rows: int, concurrency: int) -> None:
    """Run all of them, print a line each; on uvloop too where that is installed."""
    print(f"{rows} rows, {concurrency} at once")
    print(f"{'transport':<30}{'rows/s':>8}{'CPU ms/row':>12}{'peak MB':>9}")
    for name, uvloop in product(TRANSPORTS, (False, True) if find_spec("uvloop") else (False,)):
        found = run_bare(name, base_url, rows, concurrency, 600.0, uvloop)
        if isinstance(found, str):
            print(f"{name:<30}{found}")
            continue
        rate, cpu = found["rows"] / found["seconds"], 1000 * found["cpu_generating"] / found["rows"]
        print(f"{found['peer']:<30}{rate:>8.0f}{cpu:>12.2f}{found['peak_rss_mb']:>9.0f}", flush=True)


def measure_one(name: str, base_url: str, rows: int, concurrency: int, uvloop: bool) -> None:
    """Run one transport in this process, print one line."""
    factory = import_module("uvloop").new_event_loop if uvloop else None
    with asyncio.Runner(loop_factory=factory) as runner:
        answers, stopwatch = runner.run(loop_over(name, base_url, rows, concurrency))
    stopwatch.tell(name + " uvloop" * uvloop, version(name.split("-")[0]), answers)


def main() -> None:
    """Measure one transport, or tell of all."""
    parser = measure.parser(__doc__)
    parser.add_argument("--transport", choices=TRANSPORTS)
    parser.add_argument("--uvloop", action="store_true", help="run on uvloop in place of asyncio's own loop")
    given = parser.parse_args()
    if given.transport is None:
        table(given.base_url, given.rows, given.concurrency)
    else:
        measure_one(given.transport, given.base_url, given.rows, given.concurrency, given.uvloop)


if __name__ == "__main__":
    main()
