"""Signs that stand for what is still to come, whatever the language: ``{0}``, ``%name%``, ``DD/MM/YYYY``, ``XX.XXX``, ``○○``.

Each shape is a pattern, a test of what it found, and the topics in which it is sound: a date is described in a form, a
variable in a text about programs, a name is blacked out in a court record.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from pairsmith.factory.lexicon import plain
from pairsmith.validators.brackets import words
from pairsmith.validators.topic import Topic

_LINE = 60  # characters of an average line of prose; verse has shorter ones
_EDITED = 400  # characters from which a text without digits counts as edited prose


class Mask(NamedTuple):
    """A stand-in, and the topics of texts that show such a one."""

    shown: str
    excuses: tuple[Topic, ...]


class _Shape(NamedTuple):
    signs: str  # one of these, between spaces here, stands in every text with the shape
    pattern: re.Pattern[str]
    excuses: tuple[Topic, ...]
    holds: Callable[[re.Match[str]], bool] | None = None
    core: re.Pattern[str] | None = None  # stands in every text with the shape too, and is searched for faster


def masks(text: str) -> Iterator[Mask]:
    """The stand-ins in ``text``, shape by shape."""
    for shape in _SHAPES:
        if any(map(text.__contains__, shape.signs.split())) and (shape.core is None or shape.core.search(text)):
            yield from (
                Mask(match.group().strip(), shape.excuses)
                for match in shape.pattern.finditer(text)
                if shape.holds is None or shape.holds(match)
            )
    if (gap := _gap(text)) is not None:
        yield Mask(gap, ())


def _variable(match: re.Match[str]) -> bool:
    """Between doubled signs; one pair of them is emphasis too."""
    inner = match["inner"]
    return inner.isupper() or "_" in inner


def _constant(match: re.Match[str]) -> bool:
    """Joined capitals that name a thing to come; other constants belong to some program."""
    shown = match.group()
    return shown.isupper() and (not shown.isascii() or words().nouns.search(plain(shown.replace("_", " "))) is not None)


def _upper(match: re.Match[str]) -> bool:
    return match.group().isupper()


def _dated(match: re.Match[str]) -> bool:
    """Three runs of one letter each; a year is written with four, or all are X."""
    parts = re.split(r"[/.\-]", match.group())
    one_case = match.group().isupper() or match.group().islower()
    return one_case and (max(map(len, parts)) == 4 or set(match.group().upper()) <= set("X/.-"))


def _not_surname(match: re.Match[str]) -> bool:
    """A single letter before the signs is the surname of a person who shall not be known."""
    before = match.string[: match.start()]
    return not (before[-1:].isalpha() and not before[-2:-1].isalpha() and before[-1:] > "\u2e80")


# Titles and houses that a name stands before, in the languages that write stand-ins without spaces.
_PEOPLE = "先生|女士|小姐|同学|同學|老师|老師|公司|客户|客戶|様|さま|さん|株式会社|会社|고객|님|씨|회사|선생|대표"

_SHAPES = (
    _Shape("{", re.compile(r"(?<![\w{$\\^_}(\[,])\{\d{1,2}\}(?![\w}{])"), ("technical", "mathematics")),
    _Shape("%", re.compile(r"(?<![\w%])%[^\W\d_][\w-]{1,40}%(?!\w)"), ("technical",)),
    _Shape(
        "@@ ## __ ~~",
        re.compile(r"(?<![\w@#~])(?P<sign>@@|##|__|~~)(?P<inner>[^\W\d_](?:[\w -]{0,38}[^\W_])?)(?P=sign)(?![\w@#~])"),
        ("technical",),
        _variable,
    ),
    _Shape("$", re.compile(r"(?<![\w$])\$[^\W\d_]\w{0,40}_\w{1,40}\$?(?![\w(])"), ("technical",), _upper),
    _Shape("$", re.compile(r"(?<![\w$])\$[A-Z][A-Z_]{2,30}\$(?!\w)"), ("technical",)),
    _Shape(
        "_",
        re.compile(r"(?<![\w$/.\\%<@#-])[^\W\d_]{2,20}(?:_[^\W\d_]{1,20}){1,5}(?![\w(=/%>@#])"),
        ("technical",),
        _constant,
    ),
    _Shape("%", re.compile(r"(?<![\w%])%\([a-z_]{2,30}\)[sd]|(?<=[ \"'])%[sd](?=[ .,!?\"'\n])"), ("technical",)),
    _Shape(
        "/ . -",
        re.compile(r"(?<![\w/.-])([^\W\d_])\1{1,3}([/.-])([^\W\d_])\3\2([^\W\d_])\4{1,3}(?![\w/-])"),
        ("formats", "forms"),
        _dated,
        re.compile(r"([/.-])([^\W\d_])\2\1"),
    ),
    _Shape(
        "_",
        re.compile(
            r"(?<!\w)_{1,2}[./-] ?_{1,2}[./-] ?(?:_{2,4}|20_{1,2}|20\d_)(?!\w)|[«\"“]_{1,4}[»\"”] ?_{3,20} ?20_{1,2}"
        ),
        ("formats", "forms"),
    ),
    _Shape(
        "XX xx Xx xX",
        re.compile(r"(?<![\w/.-])(?:[Xx]{2}[/.-][Xx]{2}[/.-](?:[Xx]{2,4}|\d{4})|[X]{2}/XX)(?![\w/-])"),
        ("formats", "forms"),
    ),
    _Shape("X", re.compile(r"(?<![\w.,-])X{1,3}(?:[., ]X{2,3}){1,3}(?![\w-])(?!,\d)"), ("formats",)),
    _Shape(
        "X",
        re.compile(
            r"(?<![\w.,-])(?:[$€£¥₹₽₺₩] ?|(?:kr\.?|EUR|USD|CHF|Rs\.?|R\$) )X{2,6}(?!\w)"
            r"|(?<![\w.,-])X{2,6} ?(?:[€£₽₺₩₫]|(?:euros?|EUR|USD|kr|kn|zł|Kč|Ft|lei|руб|грн|TL|dollars?|pounds)(?!\w))"
        ),
        ("formats",),
    ),
    _Shape(
        "X", re.compile(r"(?<![A-Za-z\d\-*#À-ӿ])X{4,}(?![A-Za-z_*À-ӿ]|[ -]?\d)"), ("formats", "technical", "courts")
    ),
    _Shape(
        "XX xx OO", re.compile(rf"(?<![A-Za-z])([XxO])\1{{1,3}} ?(?:{_PEOPLE})"), ("formats", "courts"), _not_surname
    ),
    _Shape("×× ✕✕ ╳╳", re.compile(r"(?<![\w×])[×✕╳]{4,}(?!\w)|(?<=[\u3040-\u9fff])[×✕╳]{4,}(?![\d×])"), ("courts",)),
    _Shape("月", re.compile(r"(?<![A-Za-z])([×Xx○〇])\1?月\1{1,2}[日号號]"), ("formats", "courts")),
    _Shape(
        "○ 〇 ◯ △ □ ● ◇",
        re.compile(
            r"(?<![「『“\"〇○一二三四五六七八九十百千\d])([○〇◯△□●◇])\1{1,5}(?=[ ]?[^\W\d_])(?![〇一二三四五六七八九十])"
        ),
        ("formats", "courts"),
        _not_surname,
    ),
    _Shape("******", re.compile(r"(?<=[^\W_] )\*{6,}(?=[ ,.]{1,2}[^\W_])"), ()),
    _Shape(
        "TODO FIXME",
        re.compile(r"(?<=[.!?。।] )TODO ?[:：](?= )|(?<=\n)TODO ?[:：](?= )|(?<!\w)FIXME(?!\w)"),
        ("technical",),
    ),
    _Shape("TBD TBA", re.compile(r"(?<=[^\W_][:：] )TB[DA](?=\.|\n|\Z)"), ("technical",)),
)

_GAP = re.compile(r"(?<=[^\W\d_] )(?:\.\.\.|…)(?= [^\W\d_])")
_ELLIPSIS = re.compile(r"\.{3,}|…+")
_SPEECH = re.compile(r"[\"“”„«»「」『』!?]\s*(?:\.\.\.|…)|(?:\.\.\.|…)\s*[\"“”„«»「」『』!?]|^\s*[-–—]", re.M)


def _gap(text: str) -> str | None:
    """Dots that stand free inside the sentences of edited prose, more than once, where a name has been left out.

    Dots that end a word are a pause, dots in brackets an editor's cut, in verse and speech anything goes.
    """
    if "..." not in text and "…" not in text:
        return None
    gaps = [match.start() for match in _GAP.finditer(text)]
    if len(gaps) < 2 or len(gaps) < len(_ELLIPSIS.findall(text)) or _SPEECH.search(text):
        return None
    prose = len(text) / (text.count("\n") + 1) > _LINE and (len(text) > _EDITED or any(map(str.isdigit, text)))
    return text[max(0, gaps[0] - 20) : gaps[0] + 20].strip() if prose else None
