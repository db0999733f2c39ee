"""factory.yml: typed, documented, and clear about what is wrong."""

import json
from pathlib import Path

import pytest
import yaml

from pairsmith.factory.errors import SpecError
from pairsmith.factory.languages import LANGUAGES
from pairsmith.factory.scaffold import commented_yaml
from pairsmith.factory.spec import FILE, Section, Spec, read_spec
from pairsmith.factory.taxonomy import GROUPS
from pairsmith.factory.topics import default_weights

SHIPPED = Path(__file__).parent.parent / "examples" / "recorded" / FILE


def refused(tmp_path: Path, text: str) -> str:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as error:
        read_spec(tmp_path / FILE)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_defaults_are_the_methods() -> None:
    spec = Spec()
    assert len(spec.languages) == 93 == len(LANGUAGES)
    assert sum(spec.languages.values()) == pytest.approx(1, abs=1e-4)
    assert spec.languages["en"] == 0.431
    assert spec.languages["de"] == pytest.approx(0.0285, abs=1e-4)
    assert spec.groups == {name: facts.share for name, facts in GROUPS.items()}
    assert spec.placeholder_weights("sts")["low_score"] == {2.5: 1, 3: 1, 3.5: 1}
    assert spec.placeholder_weights("bitext")["low_score"] == {1.5: 1, 2: 1, 2.5: 1}
    assert spec.models.generate[0].temperature == spec.models.generate[0].top_p == 1.0


def test_the_scaffold_reads_back_to_the_defaults_and_explains_every_key(tmp_path: Path) -> None:
    text = commented_yaml(Spec())
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    assert read_spec(tmp_path / FILE) == Spec()
    assert yaml.safe_load(text)["brainstorm"]["topics"] == default_weights()
    assert yaml.safe_load(text)["languages"]["no"] > 0, "the code of Norwegian is a text, not False"
    lines = text.splitlines()
    keys = [n for n, line in enumerate(lines) if line and not line.lstrip().startswith("#") and ":" in line]
    top = [n for n in keys if not lines[n].startswith(" ")]
    assert all(lines[n - 1].lstrip().startswith("#") for n in top if lines[n].split(":")[0] in Spec.model_fields)


def every_section(section: type[Section]) -> list[type[Section]]:
    schema_classes = [section]
    for field in section.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            schema_classes += every_section(field.annotation)
    return schema_classes


def test_every_key_is_documented() -> None:
    for section in every_section(Spec):
        assert section.__doc__
        for name, field in section.model_fields.items():
            is_section = isinstance(field.annotation, type) and issubclass(field.annotation, Section)
            assert is_section or field.description or name in ("enabled", "custom"), f"{section.__name__}.{name}"


def test_the_schema_is_json_schema() -> None:
    schema = Spec.model_json_schema()
    assert schema["additionalProperties"] is False
    json.dumps(schema)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("siz: 3", ["unknown key 'siz'", "did you mean 'size'"]),
        ("gates: {lenght: {}}", ["gates.lenght", "did you mean 'length'"]),
        ("gates: {duplicates: {treshold: 1}}", ["gates.duplicates.treshold", "did you mean 'threshold'"]),
        ("size: many", ["size", "'many'"]),
        ("size: 0", ["size", "0"]),
        ("languages: {enn: 1}", ["'enn'", "did you mean 'en'"]),
        ("languages: {en: 0}", ["languages", "sum to 0"]),
        ("groups: {short_lang: 1}", ["short_lang", "short_long"]),
        ("placeholders: {sts: {untis: {a: 1}}}", ["untis", "did you mean 'unit'"]),
        ("size: 5\nrequests: r.jsonl", ["'size' and 'requests'"]),
        ("size: 5\npairs: [a.parquet]", ["'pairs' and 'size'"]),
        ("pairs: [a.parquet]\nseed: 1\nmodels: {generate: {model: m}}", ["'pairs' and 'seed', 'models'"]),
        ("pairs: [a.parquet, {path: a.parquet}]", ["pairs: 'a.parquet' is named twice"]),
        ("pairs: [{pth: a.parquet}]", ["pairs.0.pth", "did you mean 'path'"]),
        ("pairs: [{path: a.parquet, language: eng}]", ["'eng'", "did you mean 'en'"]),
        ("models: {generate: {provider: recorded}}", ["answers"]),
        ("brainstorm: {topics: {scienc: 1}}", ["brainstorm.topics", "'scienc'", "did you mean 'science'"]),
        ("brainstorm: {topics: {law: 0}}", ["brainstorm.topics", "sum to 0"]),
        ("brainstorm: {topics: {}}", ["brainstorm.topics", "sum to 0"]),
        ("brainstorm: {topics: {law: -1}}", ["brainstorm.topics.law", "-1"]),
        ("brainstorm: {tasks_per_topic: 0}", ["brainstorm.tasks_per_topic", "0"]),
        ("release: {splits: {test: 1.0}}", ["release.splits"]),
        ("name: 'a/b'", ["name", "a/b"]),
        ("- a\n- b", ["list"]),
        ("a: [", ["YAML"]),
        ("!!python/object/apply:os.system ['true']", ["YAML"]),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_the_value_and_the_nearest_key(
    tmp_path: Path, text: str, parts: list[str]
) -> None:
    message = refused(tmp_path, text)
    assert FILE in message
    for part in parts:
        assert part in message


def test_all_findings_are_told_at_once(tmp_path: Path) -> None:
    message = refused(tmp_path, "siz: 3\nseed: x\ngates: {language: {strict: 2}}")
    assert all(part in message for part in ("siz", "seed", "gates.language.strict"))


def test_a_missing_file_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="pairsmith init"):
        read_spec(tmp_path / FILE)


def test_the_shipped_example_is_valid() -> None:
    assert read_spec(SHIPPED).requests == "requests.jsonl"


def test_a_key_that_stands_twice_is_refused_instead_of_the_first_one_being_lost(tmp_path: Path) -> None:
    assert "'size' stands twice at line 1" in refused(tmp_path, "size: 10\nsize: 20\n")
    assert "'usd' stands twice at line 2" in refused(tmp_path, "budget:\n  usd: 1\n  usd: 2\n")
