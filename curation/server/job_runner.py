"""Argilla's background jobs without Redis: a stand-in inside this process, without a port, and what does the jobs."""

import asyncio
import inspect
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import redis
from fakeredis import FakeRedis

if TYPE_CHECKING:
    from rq.job import Job

PAUSE = 0.5  # seconds between looks at the queues
KEPT = 600  # seconds that the state of a done job can be asked for


def stand_in_for_redis() -> None:
    """Let the server, which is not imported yet, connect to an object in this process."""
    stand_in = FakeRedis()
    redis.from_url = lambda *_, **__: stand_in


async def run_jobs() -> None:
    """Do what the server puts into its queues, one job after the other, in the loop of the server."""
    from argilla_server.jobs.queues import DEFAULT_QUEUE, HIGH_QUEUE
    from rq.exceptions import NoSuchJobError
    from rq.job import Job

    while True:
        for queue in (HIGH_QUEUE, DEFAULT_QUEUE):
            while name := queue.connection.lpop(queue.key):
                with suppress(NoSuchJobError):  # one that waited for so long that it was dropped
                    await _run(Job.fetch(name.decode(), connection=queue.connection))
        await asyncio.sleep(PAUSE)


async def _run(job: "Job") -> None:
    from rq.job import JobStatus

    job.set_status(JobStatus.STARTED)
    try:
        if inspect.iscoroutinefunction(job.func):
            await job.func(*job.args, **job.kwargs)
        else:
            await asyncio.to_thread(job.func, *job.args, **job.kwargs)
    except Exception:
        logging.getLogger(__name__).exception("job %s failed", job.func_name)
        job.set_status(JobStatus.FAILED)
    else:
        job.set_status(JobStatus.FINISHED)
    job.cleanup(KEPT)
