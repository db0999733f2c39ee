"""``log.jsonl``: one line a step. A resumed training goes on with the lines up to its checkpoint, as if it had not been cut."""

import json
import os
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from pairsmith.factory.errors import RunError
from pairsmith.factory.folder import need_room, written_whole

FILE = "log.jsonl"


class Line(BaseModel):
    """Figures of a step.

    ``margin``: mean cosine of the positive less that of the nearest open candidate; ``hits``: share of queries whose positive
    is nearest; ``masked``: share of candidates that are no negatives; ``norm``: of the gradient before it is clipped;
    ``tokens``: real ones; ``run_tokens``: padding included; ``seconds``: of this step; ``budget``: tokens of a micro-batch.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    step: int
    epoch: int
    loss: float
    margin: float
    hits: float
    masked: float
    norm: float
    learning_rate: float
    texts: int
    tokens: int
    run_tokens: int
    budget: int
    seconds: float


class Totals(NamedTuple):
    """Sums over all steps so far."""

    texts: int
    tokens: int
    run_tokens: int
    seconds: float


def totals(lines: list[Line]) -> Totals:
    """Of these steps."""
    return Totals(
        sum(line.texts for line in lines),
        sum(line.tokens for line in lines),
        sum(line.run_tokens for line in lines),
        sum(line.seconds for line in lines),
    )


class Log:
    """The log in the folder ``out``. ``step``: the last one that stays; what was written after it is written again."""

    def __init__(self, out: Path, step: int) -> None:
        self.path = out / FILE
        self.lines = self._kept(step)
        with written_whole(self.path) as beside:
            beside.write_text("".join(map(_text, self.lines)), encoding="utf-8")
        self._file = self.path.open("ab", buffering=0)

    def write(self, line: Line) -> None:
        """Add a step; whoever reads the file sees it at once."""
        self.lines.append(line)
        text = _text(line).encode()
        try:
            while text:
                text = text[self._file.write(text) :]
        except OSError as error:
            need_room(error, self.path, self.path.stat().st_size)
            raise

    def to_disk(self) -> None:
        """See to it that all lines outlive a power cut, before the checkpoint that counts on them is there."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _kept(self, step: int) -> list[Line]:
        try:
            texts = self.path.read_text(encoding="utf-8").splitlines()[:step] if step else []
        except FileNotFoundError:
            texts = []
        try:
            lines = [Line.model_validate(json.loads(text)) for text in texts]
        except (ValueError, ValidationError):
            lines = []
        if [line.step for line in lines] != list(range(1, step + 1)):
            raise RunError(
                f"{self.path}: does not hold the {step:,} steps up to the newest checkpoint; delete "
                f"{self.path.parent} and train again, or bring the file back"
            )
        return lines


def _text(line: Line) -> str:
    return f"{line.model_dump_json()}\n"
