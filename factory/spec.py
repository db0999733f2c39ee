"""``factory.yml``: the one file that says what a run makes. Typed, documented, unknown keys refused.

The one dial is ``size``; everything else has the defaults of the method (Wang et al. 2024, arXiv 2401.00368).
"""

import json
import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic.fields import FieldInfo

from pairsmith.factory.errors import SpecError, nearest
from pairsmith.factory.hub import SCHEME, parse_hub_path
from pairsmith.factory.languages import LANGUAGES, default_weights
from pairsmith.factory.taxonomy import GROUNDED, GROUPS, Group, Value
from pairsmith.factory.topics import default_weights as topic_weights
from pairsmith.factory.yaml_file import read_yaml

FORMAT_VERSION = 1
FILE = "factory.yml"

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A part of the file: unknown keys are refused, values are checked, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _all_commented_out(cls, data: Any) -> Any:
        return {} if data is None else data


def _number(value: Any) -> Any:
    """``20M`` as a number: k, M and B stand for thousands, millions and billions."""
    if isinstance(value, str) and (found := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kMB])\s*", value)):
        return round(float(found[1]) * {"k": 10**3, "M": 10**6, "B": 10**9}[found[2]])
    return value


Many = Annotated[int, Field(ge=1), BeforeValidator(_number)]


class ModelSpec(Section):
    """A language model behind an OpenAI-compatible endpoint, or a file of recorded answers."""

    provider: Literal["openai", "recorded"] = Field(
        "openai", description="'openai': any OpenAI-compatible endpoint; 'recorded': answers by request id from a file"
    )
    model: str = Field("gpt-4o-mini", description="model name as the endpoint knows it")
    weight: float = Field(
        1.0,
        gt=0,
        allow_inf_nan=False,
        description="share of the requests, where a list names several models; endpoints of one model share its weight",
    )
    base_url: str | None = Field(None, description="endpoint, e.g. http://127.0.0.1:8000/v1; default: the client's own")
    api_key_env: str = Field(
        "OPENAI_API_KEY", description="environment variable that holds the key; never the key itself"
    )
    temperature: float = Field(1.0, ge=0, le=2, description="1.0 throughout in the paper")
    top_p: float = Field(1.0, gt=0, le=1, description="1.0 throughout in the paper")
    max_tokens: Count = Field(2048, description="cap on the tokens of one answer")
    concurrency: Count = Field(
        16, description="most requests in flight at once; the service's own limits are found while asking"
    )
    requests_per_minute: Many | None = Field(
        None, description="never ask faster than this; default: as the service allows"
    )
    tokens_per_minute: Many | None = Field(None, description="never use more than this; default: as the service allows")
    timeout: float = Field(120.0, gt=0, description="seconds until a request counts as lost and is asked again")
    retries: int = Field(6, ge=0, description="further tries after 429, 5xx, a timeout or a reset")
    structured_output: bool = Field(
        True, description="ask for a JSON schema; switched off for the run when the endpoint refuses it"
    )
    answers: str | None = Field(None, description="file of recorded answers (provider 'recorded'), in the run folder")

    @model_validator(mode="after")
    def _recorded_has_answers(self) -> "ModelSpec":
        if (self.provider == "recorded") != (self.answers is not None):
            raise ValueError("'answers' names the file of provider 'recorded', and goes with no other provider")
        return self

    @property
    def params(self) -> dict[str, float | int]:
        """What is sent beside the prompt, and is part of what makes two asks the same."""
        return {"temperature": self.temperature, "top_p": self.top_p, "max_tokens": self.max_tokens}


class _OneOrMany:
    """JSON Schema of a pool: one model, or a list of them."""

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        pool = handler(core)
        return {"anyOf": [pool["items"], pool]}


Pool = Annotated[
    tuple[ModelSpec, ...],
    Field(min_length=1),
    BeforeValidator(lambda value: [value] if isinstance(value, dict | ModelSpec) else value),
    _OneOrMany(),
]
"""One model, or several that share the requests by their weights; several endpoints may serve the same model."""


class ModelsSpec(Section):
    """Which model does which step: one, or a list of several that share the requests by weight."""

    brainstorm: Pool = Field(default_factory=lambda: (ModelSpec(),), description="writes the tasks")
    generate: Pool = Field(default_factory=lambda: (ModelSpec(),), description="writes the examples")

    @model_validator(mode="after")
    def _pools(self) -> "ModelsSpec":
        for step, pool in (("brainstorm", self.brainstorm), ("generate", self.generate)):
            if len(pool) > 1 and any(one.provider == "recorded" for one in pool):
                raise ValueError(f"{step}: recorded answers stand alone, not in a list of models")
            shared = {one.model: (one.params, one.weight) for one in pool}
            odd = next((one.model for one in pool if (one.params, one.weight) != shared[one.model]), None)
            if odd:
                raise ValueError(
                    f"{step}: endpoints of one model must agree in weight, temperature, top_p and max_tokens ('{odd}')"
                )
        return self


class BudgetSpec(Section):
    """What a run may cost in all; what is in flight when it is reached still comes in."""

    usd: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="US dollars, by the table of prices; default: no cap"
    )
    tokens: Many | None = Field(None, description="prompt and answer tokens, e.g. 20M; default: no cap")


class RepairSpec(Section):
    """An answer that cannot be parsed is asked for again, with what was wrong with it."""

    attempts: int = Field(1, ge=0, le=10, description="at most this many further requests for one answer; 0: none")
    mode: Literal["revise", "again"] = Field(
        "revise",
        description="'revise' shows the model its answer and the fault; 'again' repeats the request and names the fault",
    )


class Price(Section):
    """US dollars for a million tokens."""

    input: float = Field(ge=0, description="USD for a million prompt tokens")
    output: float = Field(ge=0, description="USD for a million answer tokens")
    cached: float | None = Field(
        None, ge=0, description="USD for a million prompt tokens read from a cache; default: input"
    )
    batch: Share = Field(0.5, description="what an answer by batch file costs of this (OpenAI: half)")

    def cost(self, tokens_in: float, tokens_out: float, tokens_cached: float = 0, via: str = "chat") -> float:
        """US dollars; ``tokens_cached`` are among ``tokens_in``; an answer ``via`` batch costs the batch share."""
        cached = self.input if self.cached is None else self.cached
        full = (tokens_in - tokens_cached) * self.input + tokens_cached * cached + tokens_out * self.output
        return full * (self.batch if via == "batch" else 1) / 1e6


class BrainstormSpec(Section):
    """How tasks come about."""

    calls: Count | None = Field(None, description="brainstorm requests a group; default: as many as 'size' needs")
    tasks_per_call: Count = Field(20, description="tasks asked for in one call; about 20 in the paper")
    tasks_per_topic: Count = Field(
        1,
        description="at most this many tasks of one topic in one setting are asked for and kept; "
        "1 is the best of 1, 3 and 5 in SPEED",
    )
    topics: dict[str, Weight] = Field(
        default_factory=topic_weights,
        description="weight of each domain of topics (its number of topics: each topic comes equally often); "
        "0 or left out: none of its topics",
    )
    examples_per_task: Count = Field(
        2, description="at most this many examples share a task; the paper has 0.47 distinct instructions an example"
    )
    near_duplicate: Share = Field(0.7, description="tasks whose word sets overlap by this Jaccard share are merged")

    @field_validator("topics")
    @classmethod
    def _known_domains(cls, topics: dict[str, float]) -> dict[str, float]:
        known = topic_weights()
        for domain in topics:
            if domain not in known:
                raise ValueError(f"unknown domain '{domain}'{nearest(domain, known)}")
        if not any(topics.values()):
            raise ValueError("the weights sum to 0, so no topic can be drawn")
        return topics

    @property
    def topics_per_call(self) -> int:
        """Topics that one call lists."""
        return math.ceil(self.tasks_per_call / self.tasks_per_topic)

    @property
    def asked_per_call(self) -> int:
        """Tasks that one call asks for: ``tasks_per_call``, rounded up to whole topics."""
        return self.topics_per_call * self.tasks_per_topic


class SourceSpec(Section):
    """Documents whose passages become positives: the model writes the query and the negative for a real text."""

    path: str = Field(
        pattern=r"^[^#]+\.(parquet|jsonl|jsonl\.gz)$",
        description="file of the run folder (Parquet, JSON lines, .jsonl.gz; '*' allowed), or "
        "hf://datasets/<owner>/<name>[@revision]/<path>",
    )
    text: str = Field("text", description="column that holds the document")
    id: str | None = Field(None, description="column that names the document; default: its number in the file")
    language: str | None = Field(None, description="ISO 639-1 code of all documents, or see language_column")
    language_column: str | None = Field(None, description="column that holds the ISO 639-1 code of each document")
    words: Count = Field(
        300, description="a longer document is cut at ends of paragraphs or sentences; one part is used"
    )
    least_words: Count = Field(30, description="shorter documents are passed over")
    weight: float = Field(1.0, gt=0, allow_inf_nan=False, description="share of this source among those of a language")

    @model_validator(mode="after")
    def _readable(self) -> "SourceSpec":
        if (self.language is None) == (self.language_column is None):
            raise ValueError("give either 'language' (one code for all documents) or 'language_column'")
        if self.language is not None and self.language not in LANGUAGES:
            raise ValueError(f"unknown language '{self.language}'{nearest(self.language, LANGUAGES)}")
        if self.least_words > self.words:
            raise ValueError(f"'least_words' is {self.least_words}, more than the {self.words} 'words' of a passage")
        if self.path.startswith(SCHEME):
            parse_hub_path(self.path)
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read, and no others."""
        return tuple(name for name in (self.text, self.id, self.language_column) if name is not None)


class PairsSpec(Section):
    """Rows that are there already: a Parquet file of queries, positives and negatives. No model is asked.

    What the file has no column for, or no value in it, is said here for all of its rows.
    """

    path: str = Field(min_length=1, description="Parquet file of the run folder")
    group: Group | None = Field(None, description="kind of example of all rows, or see column group")
    language: str | None = Field(None, description="ISO 639-1 code of all texts, or see column query_language")
    document_language: str | None = Field(
        None, description="ISO 639-1 code of positives and negatives; default: language"
    )
    instruction: str | None = Field(
        None,
        min_length=1,
        description="the task that is put before the query in training; default for sts and bitext: the method's",
    )

    @field_validator("language", "document_language")
    @classmethod
    def _known_language(cls, code: str | None) -> str | None:
        if code is not None and code not in LANGUAGES:
            raise ValueError(f"unknown language '{code}'{nearest(code, LANGUAGES)}")
        return code


class _PathOrSection:
    """JSON Schema of a section of which the path alone may be given."""

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, handler(core)]}


Pairs = Annotated[
    PairsSpec, BeforeValidator(lambda value: {"path": value} if isinstance(value, str) else value), _PathOrSection()
]


class FormatSpec(Section):
    """Gate ``format``: refusals, meta talk, placeholders, markup, mojibake, repetition, residue."""

    enabled: bool = True


class LengthSpec(Section):
    """Gate ``length``: what was asked for against what was found."""

    enabled: bool = True
    at_least: float = Field(
        0.8, gt=0, le=1, description="share of the asked words that must be there (gates of the method)"
    )
    at_most: float = Field(
        2.0, ge=1, description="a 'less than N' text may have this many times N words before it is dropped"
    )
    query_slack: float = Field(
        2.0, ge=1, description="how many times a query may miss the asked range before it is dropped"
    )


class LanguageSpec(Section):
    """Gate ``language``: is every text in the language that was asked for?"""

    enabled: bool = True
    strictness: float = Field(
        1.0, gt=0, description="multiplies the calibrated thresholds of each language and length; above 1 drops more"
    )


class LeakageSpec(Section):
    """Gate ``leakage``: the answer must not stand in the question."""

    enabled: bool = True
    query_containment: Share = Field(
        0.8, description="share of the query's word 3-grams found in the positive from which it counts as copied"
    )


class DuplicatesSpec(Section):
    """Gate ``duplicates``: exact after folding, and near by MinHash with an exact check of each candidate pair."""

    enabled: bool = True
    threshold: float = Field(
        0.7,
        gt=0,
        le=1,
        description="Jaccard of word 3-grams; an edit of 4 % of the words often falls under .8, hardly ever under .7",
    )
    permutations: Literal[64, 128, 256] = Field(128, description="MinHash slots")
    against: list[str] = Field(
        default_factory=list, description="releases, or folders of releases, of which no row may be repeated"
    )


class ContaminationSpec(Section):
    """Gate ``contamination``: nothing of an evaluation set may be trained on."""

    enabled: bool = True
    evaluation: list[str] = Field(
        default_factory=list,
        description="files of evaluation texts (csv, tsv, jsonl, parquet, txt; .gz too), in the run folder",
    )
    ngram: Count = Field(13, description="a run of this many tokens shared with an evaluation text counts")
    overlap: Share = Field(0.7, description="Jaccard of word 3-grams with an evaluation text from which it counts")
    minimum_tokens: Count = Field(
        5, description="evaluation texts of fewer words are ignored: they occur by chance (3 will do for a whole field)"
    )


class PrivacySpec(Section):
    """Gate ``privacy``: secrets and personal data."""

    enabled: bool = True
    action: Literal["report", "drop"] = Field(
        "report", description="'report' marks the row for a person, 'drop' rejects it"
    )


class CustomGateSpec(Section):
    """A gate of your own."""

    use: str = Field(description="import path 'module:attribute' of a class or function that makes the gate")
    options: dict[str, Any] = Field(default_factory=dict, description="keyword arguments for it, as JSON can say them")

    @field_validator("options")
    @classmethod
    def _are_json(cls, options: dict[str, Any]) -> dict[str, Any]:
        """Every process that judges is told them as JSON, and must be told the same."""
        for name, value in options.items():
            try:
                same = json.loads(json.dumps(value, allow_nan=False)) == value
            except (TypeError, ValueError):
                same = False
            if not same:
                raise ValueError(
                    f"option '{name}' is {value!r}, which JSON cannot say; give dates as strings in quotes, keys as strings,"
                    " and finite numbers"
                )
        return options


class GatesSpec(Section):
    """What is good enough. Every threshold is data; docs/gates.md gives the reason for each value."""

    format: FormatSpec = Field(default_factory=FormatSpec)
    length: LengthSpec = Field(default_factory=LengthSpec)
    language: LanguageSpec = Field(default_factory=LanguageSpec)
    leakage: LeakageSpec = Field(default_factory=LeakageSpec)
    privacy: PrivacySpec = Field(default_factory=PrivacySpec)
    duplicates: DuplicatesSpec = Field(default_factory=DuplicatesSpec)
    contamination: ContaminationSpec = Field(default_factory=ContaminationSpec)
    custom: list[CustomGateSpec] = Field(default_factory=list)


class ReleaseSpec(Section):
    """What a release says of itself."""

    license: str = Field("other", description="licence id of the Hub, e.g. cc0-1.0, apache-2.0")
    license_link: str = Field("", description="where the text of the licence stands; needed to publish under 'other'")
    terms: dict[str, str] = Field(
        default_factory=dict,
        description="what the terms of each model say of its output: a sentence or an address; needed to publish, "
        "e.g. {gpt-5: 'https://openai.com/policies/terms-of-use'}; rows of unknown origin stand under 'unknown'",
    )
    description: str = Field("", description="one paragraph for the card")
    splits: dict[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")], Share] = Field(
        default_factory=lambda: {"test": 0.02}, description="share of each held-out split; the rest is 'train'"
    )


class ReviewSpec(Section):
    """Which rows people look at, who they are, and what their answers must support before a release is written."""

    sample: Count = Field(200, description="rows shown to people in all; 'pairsmith review push --sample' replaces it")
    doubtful: Share = Field(
        0.25,
        description="share of them that are accepted rows about which the gates were least sure; the rest is random",
    )
    rejected: Share = Field(0.25, description="share of them that are rejected rows, to find wrong rejections")
    reviewers: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")], ...] = Field(
        ("reviewer",), description="user names of those who review"
    )
    overlap: Share = Field(
        0.2, description="share of the rows that two of them answer, each alone, so that their agreement is known"
    )
    workspace: str = Field("curation", min_length=1, max_length=200, description="of the Argilla server")
    max_defect_rate: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="release nothing until people's answers show that fewer of the accepted rows are defective; default: off",
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="with which they must show it, however often one looks")

    @model_validator(mode="after")
    def _leaves_a_random_part(self) -> "ReviewSpec":
        if self.doubtful + self.rejected >= 1:
            raise ValueError(
                f"'doubtful' and 'rejected' are {self.doubtful + self.rejected:g} of the sample together; leave a part below 1"
                " for random rows, from which alone a rate can be told"
            )
        if len(set(self.reviewers)) < len(self.reviewers) or not self.reviewers:
            raise ValueError("'reviewers' names each of those who review once, and at least one")
        return self


_WITH_PAIRS = frozenset({"format_version", "name", "pairs", "gates", "review", "release"})
"""Keys that mean something where rows come from files; all others say what is asked of a model."""


class Spec(Section):
    """The whole of ``factory.yml``."""

    format_version: Literal[1] = Field(1, description="of this file")
    name: str = Field("pairsmith-dataset", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$", description="of the dataset")
    size: Many | None = Field(
        None, description="how many accepted examples are wanted, by group and language: the one dial (default 1000)"
    )
    candidates: float = Field(
        3.0,
        ge=1,
        le=100,
        description="at most this many requests for each wanted example of a group and language; what is missing then is said",
    )
    seed: int = Field(0, ge=0, description="of every draw; the same seed and spec give the same requests")
    requests: str | None = Field(
        None, description="plan from this file of requests (JSON lines, in the run folder) instead of 'size'"
    )
    pairs: list[Pairs] = Field(
        default_factory=list,
        description="gate the rows of these Parquet files (in the run folder) instead of asking a model for any, e.g. "
        "[{path: mine.parquet, group: short_long, language: en, instruction: Find the answer.}]; columns query, positive, "
        "negatives, see docs/pairs.md",
    )
    groups: dict[Group, Weight] = Field(
        default_factory=lambda: {name: facts.share for name, facts in GROUPS.items()},
        description="weight of each group (the paper's sizes)",
    )
    languages: dict[str, Weight] = Field(
        default_factory=default_weights, description="weight of each language, ISO 639-1 (the paper's shares)"
    )
    placeholders: dict[Group, dict[str, dict[Value, Weight]]] = Field(
        default_factory=lambda: {name: facts.placeholders for name, facts in GROUPS.items() if facts.placeholders},
        description="values and weights of a group's placeholders; what you name replaces that placeholder's set",
    )
    models: ModelsSpec = Field(default_factory=ModelsSpec)
    prices: dict[str, Price] = Field(
        default_factory=lambda: {"gpt-4o-mini": Price(input=0.15, output=0.60)},
        description="price table by model name, for estimates, the ledger and the budget",
    )
    budget: BudgetSpec = Field(default_factory=BudgetSpec)
    repair: RepairSpec = Field(default_factory=RepairSpec)
    brainstorm: BrainstormSpec = Field(default_factory=BrainstormSpec)
    sources: list[SourceSpec] = Field(
        default_factory=list, description="documents whose passages become positives of group short_long"
    )
    grounded: Share = Field(
        1.0, description="share of short_long that starts from a passage, in languages that 'sources' cover"
    )
    gates: GatesSpec = Field(default_factory=GatesSpec)
    review: ReviewSpec = Field(default_factory=ReviewSpec)
    release: ReleaseSpec = Field(default_factory=ReleaseSpec)

    @model_validator(mode="after")
    def _consistent(self) -> "Spec":
        if self.size is not None and self.requests is not None:
            raise ValueError("'size' and 'requests' exclude each other: the file of requests is the plan")
        self._check_prices()
        for code in self.languages:
            if code not in LANGUAGES:
                raise ValueError(f"languages: unknown language '{code}'{nearest(code, LANGUAGES)}")
        for group, sets in self.placeholders.items():
            for name in sets:
                if name not in GROUPS[group].placeholders:
                    known = GROUPS[group].placeholders
                    raise ValueError(f"placeholders.{group}: unknown placeholder '{name}'{nearest(name, known)}")
        for what in ("groups", "languages"):
            if not sum(getattr(self, what).values()) > 0:
                raise ValueError(f"{what}: the weights sum to 0, so nothing can be drawn")
        if not sum(self.release.splits.values()) < 1 or "train" in self.release.splits:
            raise ValueError("release.splits: the held-out shares must sum to less than 1; 'train' is the rest")
        if "all" in self.release.splits:
            raise ValueError("release.splits: 'all' means every split where a dataset is loaded; choose another name")
        return self

    @model_validator(mode="after")
    def _pairs_stand_alone(self) -> "Spec":
        if not self.pairs:
            return self
        fields = type(self).model_fields.items()
        asking = [name for name, field in fields if name not in _WITH_PAIRS and self._says(name, field)]
        if asking:
            names = ", ".join(f"'{name}'" for name in asking)
            raise ValueError(f"'pairs' and {names} exclude each other: where rows come from files no model is asked")
        paths = [one.path for one in self.pairs]
        twice = next((path for place, path in enumerate(paths) if path in paths[:place]), None)
        if twice:
            raise ValueError(f"pairs: '{twice}' is named twice")
        return self

    def _says(self, name: str, field: FieldInfo) -> bool:
        """Whether a key has another value than its default."""
        return bool(getattr(self, name) != field.get_default(call_default_factory=True))

    def _check_prices(self) -> None:
        paid = {one.model for pool in (self.models.brainstorm, self.models.generate) for one in pool if not one.answers}
        unpriced = sorted(paid - self.prices.keys())
        if self.budget.usd is not None and unpriced:
            raise ValueError(
                f"budget.usd: no price is known for '{unpriced[0]}'; add it to prices, or cap tokens instead"
            )

    @model_validator(mode="after")
    def _sources_are_of_use(self) -> "Spec":
        if self.sources and self.requests is not None:
            raise ValueError("'sources' and 'requests' exclude each other: requests in a file name their own passages")
        if self.sources and not self.groups.get(GROUNDED):
            raise ValueError(f"sources: their passages are for group {GROUNDED}, which has no weight in 'groups'")
        for source in self.sources:
            if source.language is not None and not self.languages.get(source.language):
                raise ValueError(f"sources: language '{source.language}' of {source.path} has no weight in 'languages'")
        return self

    @property
    def wanted(self) -> int:
        """Accepted examples that are wanted when the plan is drawn (not read from a file)."""
        return self.size or 1000

    def placeholder_weights(self, group: Group) -> dict[str, dict[Value, float]]:
        """Placeholders of ``group``: the method's sets, each replaced where the file names it."""
        return {**GROUPS[group].placeholders, **self.placeholders.get(group, {})}


def read_spec(path: Path) -> Spec:
    """Read and check a ``factory.yml``.

    Raises :class:`SpecError` with every finding in one line: the key, its value, what is wanted, the nearest known key.
    """
    return read_yaml(path, Spec, SpecError, f"make one with 'pairsmith init {path.parent}'", single=("models",))
