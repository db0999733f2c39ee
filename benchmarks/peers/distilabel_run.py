"""distilabel: ``TextGeneration`` with ``OpenAILLM``. Its batch is its only limit on requests at once, and a barrier.

Its steps run in processes of their own: generating begins when the one of the model has its client. Its settings are
those with which it was fastest: no log line a request, rows handed over a thousand at a time.
"""

import measure  # isort: split

import os
import tempfile
from pathlib import Path

os.environ["DISTILABEL_LOG_LEVEL"] = "ERROR"

from distilabel import __version__
from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration


class MarkedLLM(OpenAILLM):
    """Leaves a file when it is loaded."""

    mark: str

    def load(self) -> None:
        """Load the client, then leave the mark."""
        super().load()
        Path(self.mark).touch()


def main() -> None:
    """Generate, print one line."""
    arguments = measure.parser(__doc__).parse_args()
    rows = [{"instruction": prompt} for prompt in measure.prompts(arguments.rows)]
    stopwatch = measure.Stopwatch()
    with tempfile.TemporaryDirectory() as scratch, Pipeline(name="bench", cache_dir=scratch) as pipeline:
        mark = Path(scratch) / "loaded"
        load = LoadDataFromDicts(data=rows, batch_size=1000)
        llm = MarkedLLM(
            model="bench",
            base_url=arguments.base_url,
            api_key="none",
            generation_kwargs={"max_new_tokens": 1024, "temperature": 1.0},
            mark=str(mark),
        )
        load >> TextGeneration(
            llm=llm, input_batch_size=arguments.concurrency, add_raw_input=False, add_raw_output=False
        )
        found = pipeline.run(use_cache=False)
        stopwatch.begin_at(mark.stat().st_mtime)
        stopwatch.tell("distilabel", __version__, found["default"]["train"]["generation"])


if __name__ == "__main__":
    main()
