"""Measure thresholds of the gate ``language`` on true text and write ``validators/data/languages.json``.

    python benchmarks/calibrate_language.py UDHR TATOEBA

UDHR: JSON lines (``.gz``) of {language, text}, paragraphs of the Universal Declaration of Human Rights in translation
(OHCHR, collected at github.com/eric-muller/udhr; freely reproducible by the UN's terms). TATOEBA: the folder of the
Tatoeba bitext test sets (``tatoeba.xxx-eng.xxx``; sentences of tatoeba.org, CC BY 2.0 FR). Half of the texts set the
thresholds, the other half is left to measure_language.py.
"""

import argparse
import gzip
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import regex

from pairsmith.factory.languages import LANGUAGES
from pairsmith.factory.text import UNSPACED, unspaced_letters
from pairsmith.validators import detect
from pairsmith.validators.claim import BINS, DATA, Reading, agreed, bin_of, has_words_of, p_claim

TATOEBA_CODES = (
    "afr:af amh:am ara:ar aze:az bel:be ben:bn bos:bs bre:br bul:bg cat:ca ces:cs cym:cy dan:da deu:de ell:el "
    "epo:eo est:et eus:eu fin:fi fra:fr fry:fy gla:gd gle:ga glg:gl heb:he hin:hi hrv:hr hun:hu hye:hy ind:id "
    "isl:is ita:it jav:jv jpn:ja kat:ka kaz:kk khm:km kor:ko kur:ku lat:la lit:lt lvs:lv mal:ml mar:mr mkd:mk "
    "mon:mn nld:nl nob:no pes:fa pol:pl por:pt ron:ro rus:ru slk:sk slv:sl spa:es sqi:sq srp:sr swe:sv swh:sw "
    "tam:ta tel:te tgl:tl tha:th tur:tr uig:ug ukr:uk urd:ur uzb:uz vie:vi xho:xh yid:yi zsm:ms cmn:zh"
)
OTHER_VARIETIES = {"fr", "sw"}  # the collection files paragraphs in Lorrain and in a Somali Bantu language under these
MAXIMUM = (
    0.5  # a first detector that gives the claim an even chance is not doubted, whatever the calibration text gives
)
MARGIN = 0.5  # texts on other matters score lower than these: half of the measured bound
SHARE_CLOSE = 0.003
WORDS = 60
FEWEST = 10


def load(udhr: Path, tatoeba: Path) -> dict[str, list[str]]:
    """Texts by language, and by ``language-Script`` where it is written in one that is not its usual one."""
    found = defaultdict(list)
    with gzip.open(udhr, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["language"] not in OTHER_VARIETIES:
                found[row["language"]].append(row["text"])
    for pair in TATOEBA_CODES.split():
        code, language = pair.split(":")
        found[language] += (tatoeba / f"tatoeba.{code}-eng.{code}").read_text(encoding="utf-8").splitlines()
    found["en"] += (tatoeba / "tatoeba.fra-eng.eng").read_text(encoding="utf-8").splitlines()
    keyed = defaultdict(list)
    for language, texts in found.items():
        for text in dict.fromkeys(texts):
            name = key(language, text)
            if name:
                keyed[name].append(text)
    return {name: own for name, own in sorted(keyed.items()) if len(own) >= FEWEST}


def key(language: str, text: str) -> str | None:
    """``sr`` or ``sr-Latin`` by the letters of the text; None where seven in ten are of no script of the language."""
    letters = detect.scripts(text)
    own = LANGUAGES[language].scripts
    if not letters or sum(letters[name] for name in own) < 0.7 * letters.total():
        return None
    script = max(own, key=lambda name: letters[name])
    usual = script == own[0] or (language in ("ja", "ko"))
    return language if usual else f"{language}-{script}"


def sample(texts: list[str], draw: random.Random) -> list[str]:
    """Sentences, paragraphs, some of them joined, and windows of 3 to 16 words (4 to 40 letters without spaces)."""
    long = [text for text in texts if len(text) > 60] or texts
    picked = draw.sample(texts, min(300, len(texts))) + draw.sample(long, min(120, len(long)))
    picked += [" ".join(draw.choices(texts, k=count)) for count in (2, 3, 4) for _ in range(80)]
    picked += [window(draw.choice(long), draw) for _ in range(200)]
    return list(dict.fromkeys(picked))


def window(text: str, draw: random.Random) -> str:
    """A short run of words, as a query is."""
    spaced = not regex.search(f"[{UNSPACED}]", text)
    parts = text.split() if spaced else list(text)
    size = draw.randint(3, 16) if spaced else draw.randint(4, 40)
    start = draw.randrange(max(1, len(parts) - size + 1))
    return (" " if spaced else "").join(parts[start : start + size])


def confused(readings: Iterable[Reading], language: str, wanted: Callable[[float], bool]) -> tuple[Counter[str], int]:
    """Languages that both detectors take true texts for, and how many texts were asked about."""
    chosen = [reading for reading in readings if wanted(reading.extent)]
    named = [(reading, agreed(reading)) for reading in chosen]
    wrong = [name for reading, name in named if name and name != language and _counts(reading, name, language)]
    return Counter(wrong), len(chosen)


def _counts(reading: Reading, name: str, language: str) -> bool:
    return reading.extent >= BINS[1] or has_words_of(name, reading, language)


def close(readings: list[Reading], language: str, wanted: Callable[[float], bool]) -> list[str]:
    """Languages that both detectors take at least three and :data:`SHARE_CLOSE` of the true texts for."""
    wrong, total = confused(readings, language, wanted)
    return sorted(name for name, count in wrong.items() if count >= 3 and count >= SHARE_CLOSE * total)


def doubt(readings: list[Reading], language: str) -> list[float]:
    """For each class of length half of the p(claim) that 99.5 % of the texts reach; 0 where fewer than 30 were seen."""
    bounds = []
    for number in range(len(BINS) + 1):
        shares = [p_claim(r, language) for r in readings if bin_of(r) == number]
        low = float(np.quantile(shares, 0.005)) if len(shares) >= 30 else 0.0
        bounds.append(round(min(MAXIMUM, MARGIN * low), 4))
    return [min(bounds[number:]) if number < 2 else bounds[number] for number in range(len(bounds))]


def frequent(texts: list[str]) -> str:
    """The :data:`WORDS` most frequent words that are seen in small letters, where words are written with spaces."""
    if regex.search(f"[{UNSPACED}]", " ".join(texts[:50])):
        return ""
    words = Counter(word for text in texts for word in regex.findall(r"[\p{L}\p{M}]+(?:['’][\p{L}\p{M}]+)*", text))
    small = [
        word
        for word, _ in words.most_common(4 * WORDS)
        if not word[0].isupper() and words[word] > words[word.title()] / 4
    ]
    return " ".join(sorted(small[:WORDS]))


def letters_per_word(texts: dict[str, list[str]], udhr: Path) -> dict[str, float]:
    """Letters that say what one English word says: of a mean paragraph of the declaration in both languages."""
    paragraphs = defaultdict(list)
    with gzip.open(udhr, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            paragraphs[row["language"]].append(row["text"])
    words = np.mean([len(text.split()) for text in paragraphs["en"]])
    unspaced = [code for code, own in paragraphs.items() if code in texts and unspaced_letters(own[0])]
    return {
        code: round(float(np.mean([unspaced_letters(t) for t in paragraphs[code]]) / words), 2) for code in unspaced
    }


def halves(texts: dict[str, list[str]]) -> dict[str, tuple[list[str], list[str]]]:
    """For each key samples of the texts that set the thresholds, and of those that measure them."""
    draw = random.Random(0)
    found = {}
    for name, own in texts.items():
        mixed = draw.sample(own, len(own))
        found[name] = (sample(mixed[::2], draw), sample(mixed[1::2], draw))
    return found


def calibrate(texts: dict[str, list[str]]) -> dict[str, Any]:
    """Section ``languages``: numbers of texts, thresholds, and the languages that true texts are taken for."""
    languages = {}
    for name, (setting, measuring) in halves(texts).items():
        readings, language = [Reading(text) for text in setting], name[:2]
        everything = [*readings, *map(Reading, measuring)]
        languages[name] = {
            "n": [sum(bin_of(reading) == number for reading in readings) for number in range(len(BINS) + 1)],
            "doubt": doubt(readings, language),
            "close_short": close(everything, language, lambda extent: extent < BINS[1]),
            "close_long": close(everything, language, lambda extent: extent >= BINS[1]),
        }
    return languages


def dumps(data: dict[str, Any]) -> str:
    """JSON that a person can compare line by line: one line for each language."""
    parts = []
    for name, value in sorted(data.items()):
        if isinstance(value, dict):
            rows = [f"    {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in sorted(value.items())]
            parts.append(f"  {json.dumps(name)}: {{\n" + ",\n".join(rows) + "\n  }")
        else:
            parts.append(f"  {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> None:
    """Measure and write: the lists of words first, since the rule that is then measured reads them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("udhr", type=Path)
    parser.add_argument("tatoeba", type=Path)
    arguments = parser.parse_args()
    texts = load(arguments.udhr, arguments.tatoeba)
    words = {name: frequent(own) for name, own in texts.items() if "-" not in name}
    data: dict[str, Any] = {
        "source": "UDHR (OHCHR, github.com/eric-muller/udhr) and Tatoeba test sets (CC BY 2.0 FR); see NOTICE",
        "made_by": "benchmarks/calibrate_language.py",
        "bins": list(BINS),
        "letters_per_word": letters_per_word(texts, arguments.udhr),
        "common_words": {name: found for name, found in words.items() if found},
        "languages": {},
    }
    DATA.write_text(dumps(data), encoding="utf-8")
    data["languages"] = calibrate(texts)
    DATA.write_text(dumps(data), encoding="utf-8")
    for name, found in data["languages"].items():
        print(name, found["n"], found["doubt"], "short:", *found["close_short"], "long:", *found["close_long"])


if __name__ == "__main__":
    main()
