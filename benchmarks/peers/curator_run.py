"""Bespoke Curator: ``curator.LLM`` on its ``openai`` back end, which asks through aiohttp."""

import measure  # isort: split

import os
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path


def stay_offline() -> None:
    """No telemetry, no download of prices or of the tokenizer: litellm's package holds the one that Curator wants."""
    litellm = Path(find_spec("litellm").submodule_search_locations[0])
    os.environ["TIKTOKEN_CACHE_DIR"] = str(litellm / "litellm_core_utils" / "tokenizers")
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    os.environ["TELEMETRY_ENABLED"] = "false"
    os.environ["CURATOR_DISABLE_RICH_DISPLAY"] = "1"


def main() -> None:
    """Generate, print one line."""
    arguments = measure.parser(__doc__).parse_args()
    stay_offline()
    from bespokelabs import curator

    prompts = measure.prompts(arguments.rows)
    unlimited = 10**9
    llm = curator.LLM(
        model_name="bench",
        backend="openai",
        backend_params={
            "base_url": arguments.base_url,
            "api_key": "none",
            "max_concurrent_requests": arguments.concurrency,
            "max_requests_per_minute": unlimited,
            "max_tokens_per_minute": unlimited,
        },
    )
    with tempfile.TemporaryDirectory() as scratch:
        stopwatch = measure.Stopwatch()
        found = llm(prompts, working_dir=scratch)
        stopwatch.tell("curator", version("bespokelabs-curator"), found.dataset["response"])


if __name__ == "__main__":
    main()
