"""Memory does not grow with the number of requests."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "memory.py"
GROWTH = 30  # MB for ten times the requests: 18,000 answers held in memory, with their prompts, would take more


@pytest.mark.slow
def test_ten_times_the_requests_take_no_more_memory() -> None:
    lines = subprocess.run([sys.executable, SCRIPT, "2000", "20000"], check=True, stdout=subprocess.PIPE).stdout
    few, many = (json.loads(line)["peak_mb"] for line in lines.splitlines())
    assert many - few < GROWTH
