"""NeMo Data Designer: one text column, its prompt from a seed table."""

import measure  # isort: split

import os
import tempfile
from pathlib import Path

os.environ["NEMO_TELEMETRY_ENABLED"] = "false"

import data_designer.config as dd
import pandas as pd
from data_designer.config.version import get_library_version
from data_designer.interface import DataDesigner


def main() -> None:
    """Generate, print one line."""
    arguments = measure.parser(__doc__).parse_args()
    slots = dd.ChatCompletionInferenceParams(max_parallel_requests=arguments.concurrency, temperature=1.0)
    model = dd.ModelConfig(alias="bench", model="bench", provider="bench", inference_parameters=slots)
    provider = dd.ModelProvider(name="bench", endpoint=arguments.base_url, api_key="none")
    config = dd.DataDesignerConfigBuilder(model_configs=[model])
    config.with_seed_dataset(dd.DataFrameSeedSource(df=pd.DataFrame({"asked": measure.prompts(arguments.rows)})))
    config.add_column(dd.LLMTextColumnConfig(name="answer", model_alias="bench", prompt="{{ asked }}"))
    with tempfile.TemporaryDirectory() as scratch:
        designer = DataDesigner(artifact_path=Path(scratch), model_providers=[provider])
        designer.set_run_config(dd.RunConfig(otel_metrics_port=None))
        stopwatch = measure.Stopwatch()
        found = designer.create(config, num_records=arguments.rows)
        stopwatch.tell("data_designer", get_library_version(), found.load_dataset()["answer"])


if __name__ == "__main__":
    main()
