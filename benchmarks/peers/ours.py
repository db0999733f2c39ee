"""Pairsmith in a process of its own: the whole generate stage, from the plan to answers that are stored and parsed.

    python benchmarks/peers/ours.py --base-url URL [--retries N]

Timed are: requests drawn and written, prompts rendered, each answer asked for, committed to the journal and parsed.
"""

import measure  # isort: split

import json
import tempfile
from pathlib import Path

from pairsmith import __version__
from pairsmith.asking import generate
from pairsmith.run import open_run


def prepare() -> None:
    """What is imported on first use; the bare loops have imported theirs too when they are timed."""
    import httpx2  # noqa: F401
    import openai

    openai.AsyncOpenAI(api_key="none", http_client=openai.DefaultAioHttpClient())


def main() -> None:
    """Generate the rows, print one line."""
    given = measure.parser(__doc__).parse_args()
    model = {"base_url": given.base_url, "model": "bench", "concurrency": given.concurrency, "timeout": 30}
    spec = {"size": given.rows, "groups": {"sts": 1, "bitext": 1}, "models": {"brainstorm": model, "generate": model}}
    prepare()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "factory.yml").write_text(json.dumps(spec))  # JSON is YAML
        run = open_run(Path(folder))
        stopwatch = measure.Stopwatch()
        counts = generate(run)
        stopwatch.tell("pairsmith", __version__, ["answer"] * counts["answered"])


if __name__ == "__main__":
    main()
