"""People who answer on a real Argilla server as its page lets them, and what the server holds of a run."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from argilla_fixture import REVIEWERS, Served

from pairsmith.cli import main
from pairsmith.curation.argilla_records import name_there
from pairsmith.curation.reviews import read_reviews

RECORDED = Path(__file__).parents[1] / "examples" / "recorded"
REVIEW = f"\nreview: {{reviewers: [{', '.join(REVIEWERS)}], sample: 200}}\n"


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the recorded answers after its gates; tests take a copy of it."""
    folder = tmp_path_factory.mktemp("recorded") / "run"
    shutil.copytree(RECORDED, folder)
    with (folder / "factory.yml").open("a", encoding="utf-8") as spec:
        spec.write(REVIEW)
    assert main(["generate", str(folder)]) == main(["gate", str(folder), "--workers", "1"]) == 0
    return folder


def copied(recorded: Path, folder: Path, name: str, review: str = REVIEW) -> Path:
    """A run of its own: its dataset on the server is called ``name``; ``review``: another section of the spec."""
    shutil.copytree(recorded, folder)
    spec = folder / "factory.yml"
    text = spec.read_text(encoding="utf-8").replace("name: pairsmith-demo", f"name: {name}")
    spec.write_text(text.replace(REVIEW, review), encoding="utf-8")
    return folder


@pytest.fixture
def server(argilla: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    """The server that all tests share, as the environment names it."""
    monkeypatch.setenv("ARGILLA_API_URL", argilla.url)
    monkeypatch.setenv("ARGILLA_API_KEY", argilla.owner.api_key)
    return argilla


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Any:
    """A command that is done; its result."""

    def done(*arguments: object) -> dict[str, Any]:
        status = main([*map(str, arguments), "--json"])
        told = capsys.readouterr()
        assert status == 0, told.err
        assert "Sending records" not in told.err and "argilla" not in told.err.lower().replace("an argilla server", "")
        result: dict[str, Any] = json.loads(told.out)
        return result

    return done


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Any:
    """A command that is refused; its one line."""

    def said(*arguments: object) -> str:
        assert main([*map(str, arguments), "--json"]) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1, told
        return told

    return said


def lines(run: Path) -> list[dict[str, Any]]:
    """What is kept of people's answers."""
    return [review.model_dump(mode="json") for review in read_reviews(run / "reviews.jsonl")]


@dataclass(frozen=True)
class Person:
    """A reviewer, by name or as the key that the server knows."""

    served: Served
    name: str

    def answer(self, record: dict[str, Any], status: str = "submitted", **values: Any) -> None:
        """Answer a record, or change the answer."""
        item = {"record_id": record["id"], "status": status}
        item["values"] = {name_there(name): {"value": value} for name, value in values.items() if value != []}
        key = self.served.reviewers[self.name].api_key
        answer = self.served.call("POST", "me/responses/bulk", key, json={"items": [item]})
        assert answer["items"][0]["item"], answer


def datasets(served: Served) -> dict[str, str]:
    """Name -> id of the datasets on the server."""
    return {one["name"]: one["id"] for one in served.call("GET", "me/datasets")["items"]}


def records(served: Served, name: str) -> list[dict[str, Any]]:
    """All records of a dataset, with all that is attached to them, in the order in which they should be answered."""
    if name not in datasets(served):
        return []
    path = f"datasets/{datasets(served)[name]}/records?include=responses&include=suggestions&limit=1000"
    found: list[dict[str, Any]] = served.call("GET", path)["items"]
    return sorted(found, key=lambda record: (record["metadata"]["order"], record["external_id"]))


def of_run(served: Served, name: str) -> list[dict[str, Any]]:
    """The records of both datasets of a run."""
    return records(served, name) + records(served, f"{name}-twice")


@contextmanager
def silent(_what: str, _total: int) -> Iterator[Any]:
    """Progress that nobody sees."""
    yield lambda _: None
