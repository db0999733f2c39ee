import json
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from recordings import record

from pairsmith.cli import main
from pairsmith.curation.review_form import form_version
from pairsmith.curation.reviews import read_reviews


def answer(number):
    """Every fifth is too short to be kept."""
    text = "yes" if number % 5 == 4 else " ".join(f"word{number * step}" for step in range(1, 13))
    return json.dumps({"S1": text, "S2": f"{text} again", "S3": f"other {text}"})


@pytest.fixture(scope="module")
def gated(tmp_path_factory):
    """A run of 60 rows, 12 of them rejected, that two people review."""
    folder = record(tmp_path_factory.mktemp("gated") / "run", [answer(number) for number in range(60)])
    spec = json.loads((folder / "factory.yml").read_text())
    spec["review"] = {"sample": 30, "reviewers": ["ann", "bob"], "overlap": 0.3}
    (folder / "factory.yml").write_text(json.dumps(spec))
    assert main(["generate", str(folder)]) == main(["gate", str(folder)]) == 0
    return folder


@pytest.fixture
def run(gated, tmp_path):
    """The same, for one test."""
    for file in gated.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def called(capsys, *command):
    """Exit code, what was printed as JSON, and what stands on stderr."""
    capsys.readouterr()
    code = main([*map(str, command), "--json"])
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else None, said.err


def lines_of(run: Path, name: str):
    return [json.loads(line) for line in (run / "review" / f"export-{name}.jsonl").read_text().splitlines()]


def fill(run: Path, name: str, answer, count=None):
    """Fill in the first lines of the file of a reviewer."""
    lines = lines_of(run, name)
    for line in lines[:count]:
        line["answers"] = answer
    path = run / f"filled-{name}.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_every_row_of_the_sample_is_dealt_once_and_those_of_the_overlap_twice(run, capsys):
    code, result, _ = called(capsys, "review", "export", run)
    sample = pq.read_table(run / "review" / "sample.parquet")
    overlap = set(sample.filter(sample["overlap"])["id"].to_pylist())
    ids = [line["id"] for name in ("ann", "bob") for line in lines_of(run, name)]
    assert code == 0 and set(ids) == set(sample["id"].to_pylist())
    assert {name for name in ids if ids.count(name) == 2} == overlap and overlap
    assert [one["rows"] for one in result["written"]] == [len(lines_of(run, name)) for name in ("ann", "bob")]
    for name in ("ann", "bob"):
        page = (run / "review" / f"export-{name}.html").read_text()
        assert [f'"id": "{line["id"]}"' in page for line in lines_of(run, name)] == [True] * len(lines_of(run, name))


def test_a_larger_sample_keeps_what_was_dealt(run, capsys):
    called(capsys, "review", "export", run, "--sample", 10)
    before = {name: {line["id"] for line in lines_of(run, name)} for name in ("ann", "bob")}
    called(capsys, "review", "export", run, "--sample", 40)
    assert all(before[name] <= {line["id"] for line in lines_of(run, name)} for name in before)
    _, result, _ = called(capsys, "review", "export", run, "--sample", 5)
    assert sum(result["parts"].values()) == 40, "once shown, a sample gets no smaller"


def test_only_the_file_of_the_reviewer_that_is_named_is_written(run, capsys):
    called(capsys, "review", "export", run, "--reviewer", "bob")
    assert sorted(path.name for path in (run / "review").iterdir()) == [
        "export-bob.html",
        "export-bob.jsonl",
        "sample.parquet",
    ]
    code, _, said = called(capsys, "review", "export", run, "--reviewer", "bobb")
    assert code == 2 and "did you mean 'bob'" in said and "reviewers" in said


def test_what_is_filled_in_comes_back_and_again_doubles_nothing(run, capsys):
    called(capsys, "review", "export", run)
    file = fill(run, "ann", {"decision": "drop", "wrong": ["off_task"]}, 5)
    code, result, _ = called(capsys, "review", "import", run, file)
    assert (code, result["new"], result["unanswered"]) == (0, 5, len(lines_of(run, "ann")) - 5)
    written = read_reviews(run / "reviews.jsonl")
    assert [(one.reviewer, one.status, one.answers.decision, one.form) for one in written] == [
        ("ann", "submitted", "drop", form_version())
    ] * 5
    code, result, _ = called(capsys, "review", "import", run, file, file)
    assert (code, result["new"], result["known"]) == (0, 0, 10)
    assert read_reviews(run / "reviews.jsonl") == written


def test_what_was_answered_stands_in_the_next_export(run, capsys):
    called(capsys, "review", "export", run)
    called(capsys, "review", "import", run, fill(run, "ann", {"decision": "keep"}, 3))
    _, result, _ = called(capsys, "review", "export", run, "--sample", 35)
    assert [one["answered"] for one in result["written"]] == [3, 0]
    assert sum(line["answers"]["decision"] == "keep" for line in lines_of(run, "ann")) == 3
    _, result, _ = called(capsys, "review", "import", run, run / "review" / "export-ann.jsonl")
    assert (result["new"], result["known"]) == (0, 3)


def test_a_bad_line_is_named_the_others_are_taken_and_the_mended_file_brings_the_rest(run, capsys):
    called(capsys, "review", "export", run)
    good = fill(run, "ann", {"decision": "keep"}, 4)
    lines = good.read_text().splitlines()
    bad = run / "bad.jsonl"
    stranger = json.dumps(json.loads(lines[2]) | {"id": "0123"})
    bad.write_text("\n".join([lines[0], lines[1].replace('"keep"', '"keeep"'), stranger, lines[3]]))
    code, result, said = called(capsys, "review", "import", run, bad)
    assert code == 2 and "2 of 4 lines were not taken" in said
    assert result["new"] == 2 and len(result["refused"]) == 2
    assert re.search(r"bad\.jsonl:2: 'answers.decision': .*'keeep'", result["refused"][0])
    assert re.search(r"bad\.jsonl:3: 'id': this run has no row '0123'", result["refused"][1])
    assert main(["review", "import", str(run), str(bad)]) == 2
    assert "bad.jsonl:2: " in capsys.readouterr().out
    code, result, _ = called(capsys, "review", "import", run, good)
    assert (code, result["new"], result["reviews"]) == (0, 2, 4)


def test_an_unfinished_last_line_of_the_reviews_is_cut_off_and_its_answer_comes_again(run, capsys):
    called(capsys, "review", "export", run)
    file = fill(run, "ann", {"decision": "keep"}, 3)
    called(capsys, "review", "import", run, file)
    whole = (run / "reviews.jsonl").read_bytes()
    (run / "reviews.jsonl").write_bytes(whole[:-40])
    code, result, _ = called(capsys, "review", "import", run, file)
    assert (code, result["new"]) == (0, 1) and (run / "reviews.jsonl").read_bytes() == whole


def test_what_cannot_be_done_is_one_line(run, tmp_path, capsys):
    code, _, said = called(capsys, "review", "import", run, tmp_path / "none.jsonl")
    assert code == 2 and "none.jsonl: cannot be read" in said
    (run / "candidates.parquet").unlink()
    assert "pairsmith gate" in called(capsys, "review", "export", run)[2]
    assert "pairsmith gate" in called(capsys, "review", "import", run, tmp_path / "none.jsonl")[2]


def test_a_run_that_accepted_nothing_has_a_page(tmp_path, capsys):
    folder = record(tmp_path / "run", ['{"S1": "It breaks'])
    main(["generate", str(folder)])
    main(["gate", str(folder)])
    code, result, _ = called(capsys, "review", "export", folder)
    assert code == 0 and result["written"][0]["rows"] == 0
    assert main(["review", "export", str(folder)]) == 0 and "reviewer: 0 rows" in capsys.readouterr().out


def test_what_all_answers_say_is_told_with_each_import_and_stands_in_the_report(run, capsys):
    called(capsys, "report", run)
    assert "What people found" not in (run / "report.html").read_text()
    called(capsys, "review", "export", run)
    for name in ("ann", "bob"):
        file = fill(run, name, {"decision": "drop" if name == "bob" else "keep", "wrong": []})
        assert main(["review", "import", str(run), str(file)]) == 0
        told = capsys.readouterr().out
    drawn = pq.read_table(run / "review" / "sample.parquet").num_rows
    assert f"reviewed   {drawn} of {drawn} rows" in told and "% interval" in told
    assert "kappa of ann / bob" in told and "accepted rows, 30 drawn at random were reviewed" in told
    called(capsys, "report", run)
    assert "What people found" in (run / "report.html").read_text()


def test_answers_to_a_run_of_which_no_sample_was_drawn_are_taken_and_tell_of_no_other_row(run, gated, capsys):
    called(capsys, "review", "export", run)
    file = fill(run, "ann", {"decision": "keep"}, 2)
    again = shutil.copytree(gated, run / "again")
    code, result, _ = called(capsys, "review", "import", again, file)
    assert (code, result["new"], result["figures"]) == (0, 2, None)
    assert main(["review", "import", str(again), str(file)]) == 0
    assert "defective" not in capsys.readouterr().out
