"""Bare transports: a loop over one client, 50 at a time, with no journal, plan or parse. The ceiling to be held against.

    python benchmarks/peers/bare.py --base-url URL [--transport NAME] [--uvloop]

Without ``--transport`` each one runs in a process of its own, in turn, against the same server. Each returns the text
of the answer; the variants ``raw`` and ``post`` give status, headers and body bytes too, and are read with :mod:`json`.
"""

import measure  # isort: split

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from importlib.metadata import version
from typing import Any

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


def run_bare(name: str, uvloop: bool, base_url: str, rows: int, concurrency: int) -> dict[str, Any]:
    """One transport in a process of its own: what it prints."""
    command = [sys.executable, __file__, "--transport", name, "--base-url", base_url]
    command += ["--rows", str(rows), "--concurrency", str(concurrency), *(["--uvloop"] if uvloop else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def table(arguments: argparse.Namespace) -> None:
    """Run all of them, print a line each."""
    print(f"{arguments.rows} rows, {arguments.concurrency} at once")
    print(f"{'transport':<30}{'rows/s':>8}{'CPU ms/row':>12}{'peak MB':>9}")
    for name in TRANSPORTS:
        for uvloop in (False, True):
            found = run_bare(name, uvloop, arguments.base_url, arguments.rows, arguments.concurrency)
            rate, cpu = found["rows"] / found["seconds"], 1000 * found["cpu_generating"] / found["rows"]
            print(f"{found['peer']:<30}{rate:>8.0f}{cpu:>12.2f}{found['peak_rss_mb']:>9.0f}", flush=True)


def main() -> None:
    """Measure one transport, or tell of all."""
    parser = measure.parser(__doc__)
    parser.add_argument("--transport", choices=TRANSPORTS)
    parser.add_argument("--uvloop", action="store_true", help="run on uvloop in place of asyncio's own loop")
    arguments = parser.parse_args()
    if arguments.transport is None:
        return table(arguments)
    factory = None
    if arguments.uvloop:
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        answers, stopwatch = runner.run(
            loop_over(arguments.transport, arguments.base_url, arguments.rows, arguments.concurrency)
        )
    package = arguments.transport.split("-")[0]
    name = arguments.transport + (" uvloop" if arguments.uvloop else "")
    stopwatch.tell(name, version(package), answers)


if __name__ == "__main__":
    main()
