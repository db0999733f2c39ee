"""How often drift is found that is not there, and how often that is found which is: by simulation.

    python benchmarks/drift.py            # 1,000 pairs of samples of each size: two minutes of CPU
    python benchmarks/drift.py 200
    python benchmarks/drift.py 1000 runs/demo/releases/1.0.0    # lengths and habits as that release has them

A sample has the method's shares of groups and of 93 languages, two models, lengths in characters as prompts ask for them,
1 % of queries twice, tasks of which 0.47 of the rows are distinct, openings, endings and n-grams by Zipf's law, case and
signs as recorded answers have them. Habits of a release are drawn by its tasks: rows of one task come together.
Beside it, on the languages of the same samples: the population stability index above 0.1, and the share of a plain test at
5 % each.
"""

import sys
import time
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pairsmith.curation.diversity import BLOCK, ROWS, Sample, has_task
from pairsmith.curation.drift import drift
from pairsmith.curation.habits import habits
from pairsmith.curation.intervals import exact
from pairsmith.curation.profile import CATEGORIES, OF_TEXTS, Profile, bin_of, profile
from pairsmith.curation.released_rows import Released
from pairsmith.curation.two_samples import shares
from pairsmith.factory.languages import default_weights
from pairsmith.factory.taxonomy import GROUPS

SIZES = (500, 2_000, 10_000, 50_000)
SEED = 20260101
LONGEST = 8_000  # characters
CHARACTERS = 5.5  # of a word, with its space
NOISES = (0.35, 0.8)  # of the logarithm of a length: writers keep to what is asked by a third, or hardly
BLUR = 0.1  # the same of each length of a release
OPENINGS = 50_000
TASK_SHARE = 0.47  # different tasks, of all rows

_UNITS = {15: 0.85, 20: 0.05, 4: 0.05, 80: 0.05}  # mostly sentences, some phrases and passages
_LENGTHS: dict[str, dict[str, dict[float, float]]] = {  # words asked for, and how often
    "query": {
        "short_long": {3: 0.4, 9: 0.4, 14: 0.2},
        "long_short": {6: 0.1, 15: 0.3, 70: 0.2, 150: 0.2, 250: 0.2},
        "short_short": {6: 0.5, 12: 0.5},
        "long_long": {320: 1},
        "sts": _UNITS,
        "bitext": _UNITS,
    },
    "positive": {
        "short_long": dict.fromkeys((55, 110, 220, 330, 440, 550), 1 / 6),
        "long_short": {1: 0.5, 2: 0.3, 3: 0.2},
        "short_short": {6: 0.5, 12: 0.5},
        "long_long": {320: 1},
        "sts": _UNITS,
        "bitext": _UNITS,
    },
}


class Texts:
    """What lengths are drawn from: log-normal laws of one ``noise`` around characters.

    ``centres``: field.group -> what length is asked for -> characters -> how often.
    """

    def __init__(self, centres: Mapping[str, Mapping[str, Mapping[float, float]]], noise: float) -> None:
        self.centres = centres
        self.noise = noise

    @cache  # noqa: B019  there are few, and they live as long as the program
    def laws(self, name: str, longer: float) -> tuple[list[str], np.ndarray, np.ndarray]:
        """What is asked for; how often; and for each the chance of each number of characters from 0 on."""
        from scipy.special import ndtr

        asked = self.centres[name]
        edges = np.log(np.arange(1, LONGEST + 1) - 0.5)
        laws = [
            sum(often * ndtr((edges - np.log(centre * longer)) / self.noise) for centre, often in centres.items())
            for centres in asked.values()
        ]
        chances = np.pad(np.diff(np.array(laws), prepend=0.0), ((0, 0), (1, 0)))
        often = np.array([sum(centres.values()) for centres in asked.values()])
        return list(asked), often / often.sum(), chances / chances.sum(axis=1, keepdims=True)


def as_asked(noise: float) -> Texts:
    """Lengths around those that prompts ask for."""
    return Texts(
        {
            f"{of}.{group}": {str(words): {words * CHARACTERS: often} for words, often in asked.items()}
            for of in OF_TEXTS
            for group, asked in _LENGTHS["positive" if of == "negatives" else of].items()
        },
        noise,
    )


def as_released(folder: Path) -> Texts:
    """The lengths of a release, each blurred."""
    return Texts(profile(Released(folder).files).lengths, BLUR)


_SHARES = {  # of what texts are like, where it is one of a few things
    "first": {"letter": 0.95, "number": 0.02, "¿": 0.01, '"': 0.01, "(": 0.01},
    "last": {".": 0.65, "letter": 0.2, "?": 0.06, "。": 0.05, "number": 0.02, "!": 0.01, ")": 0.01},
    "case": {"capital first": 0.7, "small": 0.2, "small first": 0.08, "capitals": 0.02},
    "contact": {"none": 0.98, "e-mail address": 0.01, "phone number": 0.01},
}


class Habits:
    """What texts are like, drawn for each text of itself: openings and endings by Zipf's law, all else by fixed shares.

    ``added``: dimension -> category and the share of texts to which it is done.
    """

    def __init__(self, added: Mapping[str, tuple[str, float]] | None = None) -> None:
        self.added = added or {}

    def draw(self, rows: int, random: np.random.Generator) -> dict[str, Counter[str]]:
        """Dimension -> category -> texts of so many rows."""
        found = {}
        for field in OF_TEXTS:
            for habit in ("opening", "ending"):
                drawn = np.searchsorted(zipf(OPENINGS, 1.0), random.random(rows)).tolist()
                found[f"{habit}.{field}"] = Counter(map(str, drawn))
            for habit, law in _SHARES.items():
                counts = random.multinomial(rows, list(law.values())).tolist()
                found[f"{habit}.{field}"] = Counter(dict(zip(law, counts, strict=True)))
        for dimension, (category, share) in self.added.items():
            done = int(random.binomial(rows, share))
            counts = found[dimension]
            left = random.multivariate_hypergeometric(list(counts.values()), rows - done).tolist()
            found[dimension] = Counter({category: done}) + Counter(dict(zip(counts, left, strict=True)))
        return found


class ReleasedHabits:
    """What texts are like in the release in ``folder``; its tasks are drawn, each with all its rows."""

    def __init__(self, folder: Path) -> None:
        rows = pa.concat_tables(rows for file in Released(folder).files for rows in file.batches()).to_pylist()
        tasks = [row["instruction"] if has_task(row["group"]) else row["id"] for row in rows]
        places = {task: place for place, task in enumerate(dict.fromkeys(tasks))}
        self._mean = len(rows) / len(places)
        of = {row["id"]: places[task] for row, task in zip(rows, tasks, strict=True)}
        self._counts: dict[str, tuple[list[str], np.ndarray]] = {}
        for field in OF_TEXTS:
            texts = ((row["id"], text) for row in rows for text in np.atleast_1d(row[field]).tolist())
            for dimension, told in habits(field, texts).items():
                names = list(dict.fromkeys(category for category, _ in told))
                counts = np.zeros((len(places), len(names)), np.int64)
                np.add.at(counts, ([of[one] for _, one in told], [names.index(category) for category, _ in told]), 1)
                self._counts[dimension] = names, counts

    def draw(self, rows: int, random: np.random.Generator) -> dict[str, Counter[str]]:
        """Dimension -> category -> texts of about so many rows."""
        tasks = len(next(iter(self._counts.values()))[1])
        times = random.multinomial(round(rows / self._mean), np.full(tasks, 1 / tasks))
        return {
            dimension: Counter(dict(zip(names, (times @ counts).tolist(), strict=True)))
            for dimension, (names, counts) in self._counts.items()
        }


class World(NamedTuple):
    """What rows are drawn from. ``weights``: language -> share; ``longer``: field.group -> factor of its lengths;
    ``twice``: share of rows that repeat another one's query."""

    weights: dict[str, float]
    texts: Texts
    habits: Habits | ReleasedHabits
    longer: dict[str, float] = {}  # noqa: RUF012  nobody writes to it
    twice: float = 0.01


@cache
def zipf(size: int, power: float) -> np.ndarray:
    """Shares that fall with the rank."""
    found = 1 / np.arange(10, size + 10) ** power
    return np.cumsum(found / found.sum())


@cache
def blocks() -> list[dict[int, int]]:
    """Spectra of pairs of tokens in blocks of rows, to draw from."""
    random = np.random.default_rng(SEED)
    law = zipf(200_000, 1.0)
    drawn = (np.searchsorted(law, random.random(BLOCK * int(random.normal(90, 5)))) for _ in range(500))
    return [dict(Counter(Counter(one.tolist()).values())) for one in drawn]


def draw(world: World, rows: int, random: np.random.Generator) -> Profile:
    """The profile of ``rows`` rows."""
    made = Profile(rows=rows)
    sizes = np.array([facts.share for facts in GROUPS.values()])
    groups = dict(zip(GROUPS, random.multinomial(rows, sizes / sizes.sum()).tolist(), strict=True))
    languages = np.array(list(world.weights.values()))
    said = [random.multinomial(of, languages / languages.sum()).tolist() for of in (rows, groups["bitext"])]
    models = dict(zip(("a", "b"), random.multinomial(rows, (0.25, 0.75)).tolist(), strict=True))
    for name, counts in zip(
        CATEGORIES, (groups, *(dict(zip(world.weights, one, strict=True)) for one in said), models), strict=True
    ):
        made.shares[name] = Counter({one: count for one, count in counts.items() if count})
    for group, count in groups.items():
        with_negatives = "negative" in GROUPS[group].keys
        made.shares[f"negatives.{group}"] = Counter({"1" if with_negatives else "0": count})
        for of in OF_TEXTS if with_negatives else OF_TEXTS[:2]:
            name = f"{of}.{group}"
            asked, often, chances = world.texts.laws(name, world.longer.get(name, 1.0))
            each = random.multinomial(random.multinomial(count, often), chances)
            for kind, drawn in zip(asked, each, strict=True):
                there = np.flatnonzero(drawn)
                made.lengths[name][kind] = Counter(dict(zip(there.tolist(), drawn[there].tolist(), strict=True)))
            drawn = each.sum(axis=0)
            bins = np.add.reduceat(drawn, [0, *(1 << np.arange(LONGEST.bit_length()))])
            names = [bin_of(0), *(bin_of(1 << place) for place in range(LONGEST.bit_length()))]
            made.shares[f"length.{of}"].update({n: c for n, c in zip(names, bins.tolist(), strict=True) if c})
    twice = int(random.binomial(rows, world.twice))
    asked = sum(count for group, count in groups.items() if has_task(group))
    uses = np.bincount(random.poisson(1 / TASK_SHARE - 1, round(asked * TASK_SHARE)) + 1)
    tasks = {times: count for times, count in enumerate(uses.tolist()) if count}
    made.repeated = {"query": {1: rows - 2 * twice, 2: twice}, "task": tasks}
    drawn = min(rows, ROWS)
    made.shares |= world.habits.draw(drawn, random)
    picked = random.integers(0, len(blocks()), drawn // BLOCK).tolist()
    made.sample = Sample(0, 0, [blocks()[place] for place in picked])
    return made


def stability_index(was: Counter[str], now: Counter[str]) -> float:
    """PSI, half a row added to each category that one of the two lacks."""
    names = sorted(was.keys() | now.keys())
    first, second = (np.array([max(one[name], 0.5) for name in names]) for one in (was, now))
    first, second = first / first.sum(), second / second.sum()
    return float(((second - first) * np.log(second / first)).sum())


def any_at_five(was: Counter[str], now: Counter[str]) -> bool:
    """Whether a plain test of each language, at 5 %, finds one."""
    names = sorted(was.keys() | now.keys())
    first, second = (np.array([one[name] for name in names]) for one in (was, now))
    return bool((shares(first, int(first.sum()), second, int(second.sum())) <= np.log(0.05)).any())


def rates(case: "Case", runs: int) -> dict[str, str]:
    """In how many of so many pairs of samples the case's finding is made, and in how many the others raise an alarm."""
    hits: Counter[str] = Counter()
    for random in map(np.random.default_rng, np.random.SeedSequence(SEED).spawn(runs)):
        baseline, other = draw(case.first, case.rows, random), draw(case.second, case.others, random)
        was, now = baseline.shares["query_language"], other.shares["query_language"]
        hits["drift"] += any(finding.metric.startswith(case.metric) for finding in drift(baseline, other))
        hits["PSI > 0.1"] += stability_index(was, now) > 0.1
        hits["plain tests at 5 %"] += any_at_five(was, now)
    found = {name: exact(hits[name], runs) for name in ("drift", "PSI > 0.1", "plain tests at 5 %")}
    return {name: f"{one.rate:.1%} ({one.low:.1%} to {one.high:.1%})" for name, one in found.items()}


class Case(NamedTuple):
    """Rows of two worlds that are compared, and how the metric of what should be found begins."""

    name: str
    first: World
    second: World
    rows: int
    others: int
    metric: str = "drift"


def halved(weights: dict[str, float], language: str) -> dict[str, float]:
    """The shares with one language halved; the others take what it leaves."""
    return weights | {language: weights[language] / 2}


_DONE = (
    ("3 % of positives end with an offer", "ending.positive", ("let me know", 0.03)),
    ("3 % of positives begin with a prompt", "opening.positive", ("you are given", 0.03)),
    ("5 % of queries begin with a bullet", "first.query", ("-", 0.05)),
    ("5 % of queries in capitals", "case.query", ("capitals", 0.05)),
    ("half of all queries in small letters", "case.query", ("small", 0.5)),
)


def cases(plain: World) -> list[Case]:
    """What is simulated of false alarms, languages and queries."""
    same = [Case(f"same distribution, {rows:,} rows each", plain, plain, rows, rows) for rows in SIZES]
    return [
        *same,
        Case("same distribution, 50,000 and 2,000 rows", plain, plain, 50_000, 2_000),
        Case(
            "a language of 3 % halved, 10,000 rows",
            plain,
            plain._replace(weights=halved(plain.weights, "de")),
            10_000,
            10_000,
            "drift.query_language.de",
        ),
        Case(
            "queries twice 1 % -> 3 %, 10,000 rows",
            plain,
            plain._replace(twice=0.03),
            10_000,
            10_000,
            "drift.repeated.query",
        ),
        *(
            Case(
                f"{said}, 2,000 rows", plain, plain._replace(habits=Habits({name: done})), 2_000, 2_000, f"drift.{name}"
            )
            for said, name, done in _DONE
        ),
    ]


def longer(plain: World, name: str, said: str) -> Case:
    """The texts of a field and group 10 % longer, 5,500 rows of that group."""
    shares_of = {group: facts.share for group, facts in GROUPS.items()}
    rows = round(5_500 / (shares_of[name.split(".")[1]] / sum(shares_of.values())))
    case = f"{name} 10 % longer, {said}, 5,500 rows of the group"
    return Case(case, plain, plain._replace(longer={name: 1.1}), rows, rows, f"drift.length.{name}")


def main(arguments: list[str]) -> None:
    """Print a line for each case: the false alarms of so many pairs, what is found of two fifths of them."""
    runs = int(arguments[0]) if arguments else 1_000
    weights = default_weights()
    if len(arguments) > 1:
        release = Path(arguments[1])
        real = World(weights, as_released(release), ReleasedHabits(release))
        sizes = (500, 2_000, 10_000)
        same = [
            Case(f"same distribution, as the release, {rows:,} rows each", real, real, rows, rows) for rows in sizes
        ]
        chosen = [*same, *(longer(real, name, "from the release") for name in sorted(real.texts.centres))]
    else:
        noisy = [
            (World(weights, as_asked(noise), Habits()), f"log-normal {noise} around what is asked") for noise in NOISES
        ]
        chosen = cases(noisy[0][0])
        chosen += [longer(world, f"{of}.bitext", said) for world, said in noisy for of in ("query", "positive")]
    for case in chosen:
        begun = time.process_time()
        found = rates(case, runs if case.first == case.second else runs * 2 // 5)
        print(
            f"{case.name}: {'; '.join(map(' '.join, found.items()))} [{time.process_time() - begun:.0f} s]", flush=True
        )


if __name__ == "__main__":
    main(sys.argv[1:])
