"""A model that talks about the text instead of giving it: "Sure! Here is the query:", "User query:", "(213 words)".

What opens or closes a text is looked at, not what stands inside: there people say such things to each other. The words are
data (``data/format.yml``, ``handover`` and ``remarks``).
"""

import re
from functools import cache
from typing import NamedTuple

from pairsmith.factory.lexicon import Phrases, plain, read_lexicon

_HEAD = 200  # folded characters in which a text is handed over
_SIGNS_BEFORE = " \t\r\n*#_>`\"'“”«»"
_ENDS = (":", "|", "=", "- ", "– ", "— ")  # of a label or a hand-over; a line end is another
HANDED_OVER = 600  # characters that are folded for it
_TAIL = 300  # folded characters in which a model comments on what it wrote
_KEYS = ("user_query", "positive_document", "hard_negative_document", "misleading_label")
# English names of the parts of any answer; on a text of its own they may be sound ("Text: Jane Doe", "Input: a list of").
_PART = "(?:input|output|text|sentence|document|passage|label|translation|response|result|answer)s?|queries|query"
_LABEL_PART = re.compile(
    r"(?:the )?(?:correct |misleading |wrong |predicted |final |class )?"
    r"(?:label|category|class|output|answer|etikett|étiquette|etiqueta|rótulo|etichetta|etykieta|etiket|nhãn"
    r"|метка|мітка|标签|標籤|ラベル|레이블|라벨|التصنيف|برچسب|लेबल)s?\s?[:=]\s?(?=\S)"
)
_PART_BEFORE = re.compile(rf"(?:{_PART}) ?\d?[ *_]*:[ *_]*(?=\S)")
_HEADING = re.compile(
    rf"\A\s*(?:#{{1,6}}\s*(?:{_PART})\s*:?\s*(?:\n|\Z)|\*\*\s*(?:{_PART})\s*:?\s*\*\*\s*:?|\[(?:{_PART})\]\s*:?\s)",
    re.I,
)
_LABEL = re.compile(
    r"\A\s{0,9}(?:\*\*\s?([^*\n:：]{2,30}?)\s?(?:[:：]\s?\*\*|\*\*\s?[:：])"
    r"|#{1,6} ?([^#\n:：]{2,30}?) ?[:：]?\n|\[([^\]\n:：]{2,30})\] ?[:：]?\s)"
)
_BESIDE = re.compile(r"^\s{0,9}(?:\*\*[^*\n]{2,40}\*\*|#{1,6} ?\S|\[[^\]\n]{2,30}\]\s)", re.M)
_CLAUSE = 160  # folded characters in which a text is handed over as asked
_CODE = re.compile(r"[{};]\s*$|^\s*(?:def|class|import|function|const|#include)\b", re.M)


class Handover(NamedTuple):
    """How a text is handed over in one language."""

    yes: Phrases
    here: Phrases
    thing: Phrases
    label: Phrases


@cache
def handovers() -> dict[str, Handover]:
    """The phrases of all languages (ISO 639-1), compiled."""
    lexicon = read_lexicon("pairsmith.validators", "format.yml")["handover"]
    compiled = [(codes.split(), _compiled(words)) for codes, words in lexicon.items()]
    return {code: words for codes, words in compiled for code in codes}


def _compiled(words: dict[str, str]) -> Handover:
    return Handover(
        Phrases(rf"(?:{words['agree']})[ !,.:;。！，、،~-]*"),
        Phrases(words["here"]),
        Phrases(rf"(?:{words['thing']})[^:|]{{0,60}}[:|]"),
        Phrases(rf"({words['label']})[ *_\"'”\])]*(?::|\||[–—-] )[ *_\"'”]*"),
    )


class Asked(NamedTuple):
    """How a hand-over says that the text is as asked, in all languages."""

    asked: Phrases
    kinds: Phrases
    same: Phrases


@cache
def as_asked() -> Asked:
    """The phrases, compiled."""
    lexicon = read_lexicon("pairsmith.validators", "format.yml")
    return Asked(*(Phrases(*lexicon[name]) for name in Asked._fields))


@cache
def _parts() -> Phrases:
    return Phrases(read_lexicon("pairsmith.validators", "format.yml")["parts"])


@cache
def remarks() -> Phrases:
    """What models say of a text that they wrote."""
    return Phrases(*read_lexicon("pairsmith.validators", "format.yml")["remarks"])


def meta_talk(text: str, languages: tuple[str, ...], is_document: bool, is_label: bool = False) -> str | None:
    """The words with which a model introduces, labels or comments on ``text``, or None.

    ``languages``: ISO 639-1 of the row's texts; English is tried too. ``is_document``: a text that may have headings of its
    own, such as "Query:". ``is_label``: the name of a class.
    """
    head = head_of(text)
    if is_label and (match := _LABEL_PART.match(head)):
        return match.group()
    for code in dict.fromkeys((*languages, "en")):
        words = handovers().get(code)
        if words and (
            found := _handed_over(head, words) or _as_asked(head, words) or _labelled(head, words, is_document)
        ):
            return found
    return _heading(text, is_document) or _part(text, head, is_document) or _key(text) or remark(text)


def head_of(text: str) -> str:
    """The beginning of the text, plain, in which it is handed over: line breaks are bars, signs before it are left out."""
    return plain(text[:HANDED_OVER].lstrip(_SIGNS_BEFORE).replace("\n", " | "))[:_HEAD]


def may_hand_over(text: str, folded: str) -> bool:
    """Whether a sign that ends a label or a hand-over stands where :func:`head_of` looks. ``folded``: the text, plain."""
    start = len(text) - len(text.lstrip(_SIGNS_BEFORE))  # characters, of which folding makes no more
    head = folded[: start + _HEAD]
    return any(map(head.__contains__, _ENDS)) or "\n" in text[:HANDED_OVER]


def begins_labelled(text: str, languages: tuple[str, ...]) -> bool:
    """Whether ``text`` begins with the name of a part of an answer, in one of ``languages`` or English, or of a class."""
    head = head_of(text)
    known = (handovers().get(code) for code in {*languages, "en"})
    return (
        any(words.label.match(head) for words in known if words)
        or _PART_BEFORE.match(head) is not None
        or _LABEL_PART.match(head) is not None
    )


def _handed_over(head: str, words: Handover) -> str | None:
    yes = words.yes.match(head)
    start = yes.end() if yes else 0
    here = words.here.match(head, start) or (words.here.search(head, start, start + 60) if yes else None)
    if here is None or not (thing := words.thing.search(head, here.end(), here.end() + 110)):
        return None
    return head[: thing.end()] if yes or thing.start() - here.end() < 50 else None


def _as_asked(head: str, words: Handover) -> str | None:
    """A clause before a colon that hands over, and says that the text is as asked or another with the same in it."""
    clause, colon, _ = head[:_CLAUSE].partition(":")
    if not colon or "|" in clause or (here := words.here.search(clause)) is None:
        return None
    asked, kinds, same = as_asked()
    if asked.search(clause) or (here.start() == 0 and kinds.search(clause) and same.search(clause)):
        return clause + colon
    return None


def _heading(text: str, is_document: bool) -> str | None:
    """A heading that is the name of a part of the answer, in any language; a document may have several of its own."""
    match = _LABEL.match(text)
    if match is None or _parts().fullmatch(plain(match[1] or match[2] or match[3])) is None:
        return None
    own = is_document and len(_BESIDE.findall(text)) > 1
    return None if own or _CODE.search(text) else match.group().strip()


def _labelled(head: str, words: Handover, is_document: bool) -> str | None:
    match = words.label.match(head)
    if match is None:
        return None
    several = " " in match[1] or (not match[1].isascii() and len(match[1]) > 8)
    return match.group() if several or not is_document else None


def _part(text: str, head: str, is_document: bool) -> str | None:
    """A heading that is the name of a part of the answer: "### Input", "**Query:**", "Sentence 1:"."""
    if match := _HEADING.match(text):
        counterpart = len(re.findall(rf"(?im)^\W{{0,6}}(?:{_PART})\W{{0,4}}$|^\W{{0,6}}(?:{_PART}):", text)) > 1
        return None if _CODE.search(text) or (is_document and counterpart) else match.group().strip()
    if not is_document and (match := _PART_BEFORE.match(head)):
        return match.group()
    return None


def _key(text: str) -> str | None:
    """A key of the JSON answer, in prose."""
    key = next((key for key in _KEYS if key in text), None)
    return None if key is None or _CODE.search(text) else key


def remark(text: str) -> str | None:
    """What a model says at the beginning or end of a text that it wrote."""
    folded = plain(text)
    short = len(folded) <= 2 * _TAIL
    for part in (folded,) if short else (folded[:_TAIL], folded[-_TAIL:]):
        if match := remarks().search(part):
            return match.group()
    return None
