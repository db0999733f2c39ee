"""Rows with a defect of the recordings, each in texts of its own: most are made on a sound row, the others, where a defect
is a matter of wording, on a recorded one, to whose long texts a sentence is added.

Left out are what no gate looks for (false negatives, positives off the topic), duplicates (see :mod:`rehearsal.twins`),
and answers that do not parse: these are rows.
"""

from collections.abc import Callable
from random import Random

from rehearsal.rows import Row, Template, Writer

FOREIGN = ("en", "fr", "de", "ru", "zh", "ar", "hi", "tr")
BEYOND_ASCII = ("fr", "es", "de", "pt", "ru", "el", "tr", "vi")
REMARK = 30  # words: a text that is as long bears one more sentence
WORDED = ("explains_relevance", "placeholder", "markup_leak", "benchmark_contamination")


class Defects:
    """Makes rows with a defect."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._made: dict[str, tuple[Callable[[Template], bool], Callable[[Row, Random], None]]] = {
            "identical_texts": (_unlabelled, _identical_texts),
            "positive_equals_negative": (_has_document, _positive_equals_negative),
            "query_copied": (_has_question, _query_copied),
            "label_leak": (_labelled, _label_leak),
            "too_short": (_has_length, _too_short),
            "mojibake": (_has_document, self._mojibake),
            "wrong_language": (_has_document, self._wrong_language),
            "mixed_language": (_has_document, self._mixed_language),
        }
        self.kinds = sorted((*self._made, *WORDED))
        self._templates = {
            **{kind: [one for one in writer.sound if fits(one)] for kind, (fits, _) in self._made.items()},
            **{kind: [one for one in writer.templates if one.defect == kind] for kind in WORDED},
        }

    def row(self, number: int, kind: str) -> Row:
        """Row ``number`` with that defect."""
        random = self._writer.random(number)
        template = random.choice(self._templates[kind])
        if kind in WORDED:
            return self._worded(number, random, template)
        row = self._writer.row(number, random, template)
        self._made[kind][1](row, random)
        return row

    def _worded(self, number: int, random: Random, template: Template) -> Row:
        texts = dict(template.texts)
        for role, length in template.lengths.items():
            if length >= REMARK:
                texts[role] += " " + self._writer.pools[template.language(role)].passage(random, 1)
        request = template.request
        return self._writer.finished(number, request, texts, request.query_language, request.document_language)

    def _foreign(self, row: Row, random: Random, length: float) -> str:
        others = [language for language in FOREIGN if language != row["document_language"]]
        return self._writer.pools[random.choice(others)].passage(random, length)

    def _wrong_language(self, row: Row, random: Random) -> None:
        row["positive"] = self._foreign(row, random, 80)

    def _mixed_language(self, row: Row, random: Random) -> None:
        row["positive"] += "\n\n" + self._foreign(row, random, 60)

    def _mojibake(self, row: Row, random: Random) -> None:
        language = random.choice(BEYOND_ASCII)
        row["query_language"] = row["document_language"] = language
        pool = self._writer.pools[language]
        row["query"], row["negatives"] = pool.phrase(random, 8), [pool.passage(random, 100)]
        row["positive"] = pool.passage(random, 100).encode().decode("latin-1")


def _unlabelled(template: Template) -> bool:
    return not template.labels and not template.request.source_language


def _labelled(template: Template) -> bool:
    return template.labels


def _has_document(template: Template) -> bool:
    return template.request.group == "short_long"


def _has_question(template: Template) -> bool:
    return _has_document(template) and template.lengths["query"] >= 8


def _has_length(template: Template) -> bool:
    return _has_document(template) and str(template.request.attributes.get("num_words")).isdigit()


def _identical_texts(row: Row, _: Random) -> None:
    row["positive"] = row["query"]


def _positive_equals_negative(row: Row, _: Random) -> None:
    row["negatives"] = [row["positive"]]


def _query_copied(row: Row, _: Random) -> None:
    row["positive"] = f"{row['query']}\n\n{row['positive']}"


def _label_leak(row: Row, _: Random) -> None:
    row["query"] = f"{row['query']}\n\n{row['positive']}"


def _too_short(row: Row, random: Random) -> None:
    size = 10 + int(random.random() * 20)
    row["positive"] = row["positive"][:size]
