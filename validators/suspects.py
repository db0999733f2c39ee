"""Texts that the checks of gate ``format`` must look at: what all others lack, no finding can do without.

Each condition is necessary for what its check finds, by the signs (:mod:`pairsmith.validators.signs`) and needles
(:mod:`pairsmith.validators.spotting`) that every finding holds, and leaves over a few texts in a hundred.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
import regex

from pairsmith.factory.languages import LANGUAGES
from pairsmith.factory.lexicon import Phrases, plain
from pairsmith.factory.talk import REFUSED, offers, refusals, service_errors
from pairsmith.validators.brackets import in_round_brackets, words
from pairsmith.validators.characters import slices
from pairsmith.validators.echo import demands
from pairsmith.validators.encoding import maybe_latin
from pairsmith.validators.loops import loops
from pairsmith.validators.meta_talk import (
    HANDED_OVER,
    as_asked,
    begins_labelled,
    handovers,
    head_of,
    may_hand_over,
    remark,
    remarks,
)
from pairsmith.validators.placeholder import in_capitals, is_worded, opening
from pairsmith.validators.relevance_talk import gives_away, kinds_of_words, sentences
from pairsmith.validators.signs import Flags, Sign, signs
from pairsmith.validators.spotting import Numbers, Sought, Spotter
from pairsmith.validators.texts import LABELLED, Texts

# What unfilled places and filler text are called beside the lexicon, see placeholder.py; a last letter that an accent may
# follow is left out.
_WORDED = {
    "your": "your ",
    "here": " her",
    "form": "insert |company nam|recipient nam|customer nam|first nam|your (?:full nam|nam|job titl|titl|compan)",
    "note": "todo:|todo :|fixm|: tb[da]",
    "lorem": "lorem |consectetur |sed do ",
}
_ENGLISH = "English "  # before kinds of phrases that each language has
_UNUSED = ("class_", "label", "chosen", "sorry", "handover.yes", "handover.label")
_MARK = regex.compile(r"[\p{M}\u1100-\u11ff]")  # what may change the character before it when a text is folded


Said = Callable[..., Flags]  # of names of kinds: the texts that may hold a phrase of one of them


class Spotted(NamedTuple):
    """Which kinds of phrases (columns) may stand in which texts (rows)."""

    found: Flags
    kinds: dict[str, int]

    def any(self, *kinds: str) -> Flags:
        """Texts that may hold a phrase of one of ``kinds``."""
        return np.asarray(self.found[:, [self.kinds[kind] for kind in kinds if kind in self.kinds]].any(axis=1))

    def either(self, condition: Callable[[Said], Flags]) -> Flags:
        """Texts that fulfil a condition in English, or in the languages that are claimed."""
        return condition(self._in_english) | condition(self.any)

    def _in_english(self, *kinds: str) -> Flags:
        return self.any(*(english if (english := _ENGLISH + kind) in self.kinds else kind for kind in kinds))


class Evidence:
    """What the texts of a part hold. Each method but the first: for every text, whether a check must look at it."""

    def __init__(self, fields: Texts) -> None:
        self._fields = fields
        self._signs = signs(fields.slices)
        self._spotter = _spotter()
        claims = (fields.rows[name].to_pylist() for name in ("query_language", "document_language"))
        self._claims: list[tuple[str, str]] = list(zip(*claims, strict=True))
        known = self._spotter.languages
        own = np.array([[known.get(code, 0) for code in claim] for claim in self._claims], np.int64).reshape(-1, 2)
        self._languages = own[fields.row]
        self._spotted = self._spot(fields.plain, self._languages)

    def _spot(self, plain: Sequence[str], languages: Numbers) -> Spotted:
        found, start = [], 0
        for chars in slices(plain):
            end = start + len(chars.starts) - 1
            found.append(self._spotter.spot(chars, languages[start:end]))
            start = end
        return Spotted(np.concatenate(found), self._spotter.kinds)

    def _closer(
        self,
        suspects: Flags,
        parts: Callable[[str], Iterable[str]],
        condition: Callable[[Numbers, Spotted], Flags],
        proof: Callable[[int, str], bool] = lambda _place, _part: True,
    ) -> Flags:
        """Those of the suspects of which one of the ``parts``, which are plain, fulfils the condition, and is proof."""
        pieces = [
            (place, part) for place in np.flatnonzero(suspects).tolist() for part in parts(self._fields.text[place])
        ]
        places = np.array([place for place, _ in pieces], np.int64)
        found = np.zeros(len(suspects), np.bool_)
        if pieces:
            spotted = self._spot([part for _, part in pieces], self._languages[places])
            for at in np.flatnonzero(condition(places, spotted)).tolist():
                place, part = pieces[at]
                found[place] = found[place] or proof(place, part)
        return found

    def _proved(self, suspects: Flags, holds: Callable[[str], bool]) -> Flags:
        """Those of the suspects for which it holds."""
        found = np.zeros(len(suspects), np.bool_)
        for place in np.flatnonzero(suspects).tolist():
            found[place] = holds(self._fields.text[place])
        return found

    @cached_property
    def _joined(self) -> Flags:
        """Long texts that cannot be cut, where a check does, without changing how the parts fold."""
        return np.array([_joins(text, HANDED_OVER) or _joins(text, REFUSED) for text in self._fields.text], np.bool_)

    def refusal(self) -> Flags:
        """An inability beside a request or a machine, guidelines beside a machine, or an offer in its place."""
        return self._joined | self._spotted.either(_declined)

    def meta_talk(self) -> Flags:
        """A remark, a key, the form of a heading, or a hand-over: a phrase and a colon or line end after it."""
        fields = self._fields
        headed = np.array([text.startswith(("*", "#", "[")) for text in fields.plain], np.bool_)
        found = headed | self._joined | self._signs.have(Sign.UNDERSCORE)
        found |= self._proved(self._spotted.any("remarks") & ~found, lambda text: remark(text) is not None)
        ended = np.array(list(map(may_hand_over, fields.text, fields.plain)), np.bool_) & ~found
        found |= self._closer(
            ended & self._spotted.either(_handed),
            lambda text: [head_of(text)],
            lambda _, spotted: spotted.either(_handed),
        )
        for place in np.flatnonzero(ended & ~found).tolist():
            found[place] = begins_labelled(fields.text[place], self._claims[fields.row[place]])
        return found

    def placeholder(self) -> Flags:
        """Signs of a stand-in, brackets, words that describe a place, capitals side by side, filler text."""
        found, said = self._signs, self._spotted.any
        marks = found.have(Sign.OPENING | Sign.UNDERSCORE) | found.starred | found.named
        dots = found.double(Sign.ELLIPSIS) | (found.paused & found.have(Sign.ELLIPSIS)) | found.double(Sign.DOT)
        sure = marks | dots | found.parts | said("lorem", "note")
        worded = said("form") | (said("your") & said("here"))
        sure |= self._proved(worded & ~sure, is_worded)
        sure |= self._proved(found.capitals & ~sure, lambda text: next(in_capitals(text), None) is not None)
        orders, here = said("orders"), said("here_to_fill")
        sure |= self._closer(
            (orders | here) & found.have(Sign.ROUND) & ~sure,
            lambda text: map(plain, in_round_brackets(text)),
            lambda _, spotted: spotted.any("orders", "here_to_fill"),
        )
        return sure | self._closer(
            orders & here & ~sure,
            lambda text: [plain(opening(text))],
            lambda _, spotted: spotted.any("orders") & spotted.any("here_to_fill"),
        )

    def markup(self) -> Flags:
        """A tag, an entity, an escape, a fence or a key before a colon."""
        return self._signs.have(Sign.ANGLE | Sign.ESCAPE) | self._signs.double(Sign.TILDE) | self._signs.keyed

    def role(self) -> Flags:
        """A token in brackets, a heading, or a name before a colon."""
        return self._signs.have(Sign.ANGLE | Sign.SQUARE | Sign.COLON) | self._signs.double(Sign.HASH)

    def mojibake(self) -> Flags:
        """What a wrong code page makes of letters, or question marks in their place."""
        codes = {code for code in set(self._fields.language) if not maybe_latin(code)}
        other = np.array([code in codes for code in self._fields.language], np.bool_)
        found = self._signs
        return found.broken | found.have(Sign.LOST) | found.double(Sign.QUESTION) | (other & found.have(Sign.HIGH))

    def control(self) -> Flags:
        """A character that no text holds."""
        return self._signs.have(Sign.CONTROL)

    def service(self) -> Flags:
        """The form of an error's body or page, or a phrase that begins one."""
        shaped = [text.startswith(("{", "<", "tracebac")) for text in self._fields.plain]
        return self._spotted.any("service") | np.array(shaped, np.bool_)

    def relevance(self) -> Flags:
        """A sentence that names the text and judges or compares it; where it is classified, a reason."""
        fields, said = self._fields, self._spotted
        groups, positives, negatives = (fields.rows[name].to_pylist() for name in ("group", "positive", "negatives"))
        labelled = np.array([group == LABELLED for group in groups], np.bool_)[fields.row]
        suspects = (said.either(_explained) | (labelled & said.either(_reasoned))) & ~fields.is_label

        def telling(places: Numbers, spotted: Spotted) -> Flags:
            return spotted.either(_explained) | (labelled[places] & spotted.either(_reasoned))

        def proof(place: int, line: str) -> bool:
            row = fields.row[place]
            labels = (positives[row], *negatives[row]) if labelled[place] else ()
            return gives_away(line, fields.language[place], labels)

        return self._closer(suspects, lambda text: map(plain, sentences(text)), telling, proof)

    def echo(self) -> Flags:
        """The instruction, a demand of the prompts, or several of the kinds that people make too."""
        weak = [kind for kind in self._spotter.kinds if kind.startswith("weak")]
        demanded = self._spotted.any("strong") | (sum(self._spotted.any(kind).astype(int) for kind in weak) > 1)
        said = {text: plain(text).rstrip(".") for text in set(self._fields.rows["instruction"].to_pylist())}
        wanted = [said[text] for text in self._fields.rows["instruction"].to_pylist()]
        rows = zip(self._fields.plain, self._fields.row.tolist(), strict=True)
        return demanded | np.array([wanted[row] in text for text, row in rows], np.bool_)

    def loops(self) -> Flags:
        """Words or characters that come back more than in other texts."""
        return loops(self._fields.slices)


def _declined(said: Said) -> Flags:
    declined = said("cannot") & (said("request", "machine") | (said("offer") & said("made")))
    return declined | (said("machine") & said("guidelines"))


def _handed(said: Said) -> Flags:
    return said("handover.here") & (said("handover.thing", "asked_for") | (said("kinds") & said("same")))


def _explained(said: Said) -> Flags:
    why, itself = said("why"), said("self")
    fits = said("query") & (said("fit") | (why & said("need")))
    compared = (itself & said("relevant")) | (said("other") & said("like"))
    reasoned = why & (compared | (said("asked") & (itself | said("fit"))))
    return (itself | (why & said("text"))) & (fits | reasoned)


def _reasoned(said: Said) -> Flags:
    return said("why")


def _joins(text: str, at: int) -> bool:
    if len(text) <= at or text[at] < "\u0300":
        return False
    return _MARK.match(unicodedata.normalize("NFKC", text[at])) is not None


@cache
def _spotter() -> Spotter:
    """For all languages, so that none that a later part claims makes it anew."""
    return Spotter(list(_sought()))


def _sought() -> Iterator[Sought]:
    """What is looked for in all texts, English phrases among it, and in those of each language."""
    every: dict[str, Phrases] = {name: Phrases(pattern) for name, pattern in _WORDED.items()}
    strong, weak = demands()
    every |= {"strong": strong, **{f"weak {number}": one for number, one in enumerate(weak)}}
    every |= {"remarks": remarks(), "service": service_errors()[0], **offers()._asdict(), **as_asked()._asdict()}
    every["asked_for"] = every.pop("asked")
    every |= {"orders": words().orders, "here_to_fill": words().here}
    every |= {_ENGLISH + kind: phrases for kind, phrases in _own("en").items()}
    yield from (Sought(kind, None, phrases) for kind, phrases in every.items())
    for language in sorted(LANGUAGES.keys() - {"en"}):
        yield from (Sought(kind, language, phrases) for kind, phrases in _own(language).items())


def _own(language: str) -> dict[str, Phrases]:
    """Phrases of one language, by kind."""
    relevance, refusal, handover = kinds_of_words(language), refusals(language), handovers().get(language)
    found = {} if relevance is None else relevance._asdict()
    found |= {} if refusal is None else refusal._asdict()
    found |= {f"handover.{kind}": words for kind, words in handover._asdict().items()} if handover else {}
    return {kind: phrases for kind, phrases in found.items() if kind not in _UNUSED}
