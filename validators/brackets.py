"""Places to fill that brackets or quotes mark: ``[Name]``, ``{company}``, ``(укажите имя)``, ``«ime kraja»``.

Brackets have many sound uses (citations, code, editorial notes, mark-up, stage directions). A place to fill shows in what
they hold: the name of a thing that is still to come, an order to fill it in (``data/format.yml``, many languages), words
joined by underscores, or words all in capitals. The commoner the sound use of a kind of brackets, the more is asked.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

from pairsmith.factory.lexicon import Phrases, plain, read_lexicon

BRACKETS = re.compile(
    r"(?<![A-Za-z0-9_\])}\\!])\[(?P<square>[^\[\]\n{}<>|=\\]{2,60})\](?![(\[:A-Za-z0-9_])"
    r"|(?P<double>\{\{ {0,3}[#/]?(?P<inner>[^{}\n|=:<>\\]{1,60})\}\})"
    r"|(?<![\w\\^_${}])\$?\{(?P<curly>[^{}\n|=:;<>\\()]{2,60})\}(?![\w}])"
    r"|(?<!<)<<(?P<angles>[^<>\n=/|\\]{2,60})>>(?!>)|(?<![\w<])<(?P<angle>[^<>\n=/|\\]{2,60})>(?!>)"
    r"|[【〔［｛](?P<lens>[^【】〔〕［］｛｝\n]{1,30})[】〕］｝]|(?:«(?P<quote>[^«»\n]{3,50})»|»(?P<turned>[^«»\n]{3,50})«)"
    r"|[《〈「『](?P<title>[^《》〈〉「」『』\n]{2,16})[》〉」』]|[(（](?P<round>[^()（）\n]{2,60})[)）]"
)
_ROUND = re.compile(r"[(（]([^()（）\n]{2,60})[)）]")
_OPENING = re.compile(r"[$\[{<【〔［｛«»《〈「『(（]")  # every place begins with one of these
_SNAKE = re.compile(r"[^\W\d]\w*(?:_\w+)+\Z")
_NAME = re.compile(r"[^\W\d_][^=;:{}()\[\]<>|\\*+\"#@!?]*\Z")
_ACCENTS = {
    accented: f"[{accented}{base}]" for accented, base in zip("áéíóúàèêãõçάέήίόύώ", "aeiouaeeaocαεηιουω", strict=True)
}
_CLASS_OR_ACCENT = re.compile(rf"\[[^\]]*\]|[{''.join(_ACCENTS)}]")
_TAGS = frozenset({"title", "address", "data", "number"})  # of HTML and XML
_QUOTATION = 400  # characters before a place in which a quotation may have opened
_QUOTES = (("“", "”"), ("„", "“"), ("«", "»"), ("「", "」"))
_INSTRUCTION = 80  # characters before a place in which the reader is told what to do
_WORDS = 7  # a place is named in few words
# A word begins: no letter stands before, or one of a script without spaces (folded text, which knows no class such as \W).
_START = r"(?<![\da-z_\u00aa-\u0dff\u10a0-\u16ff])"
_UNSPACED = 24  # characters that so few words take


class Words(NamedTuple):
    """What places to fill are called."""

    nouns: Phrases  # things to come: name, date, city
    heads: Phrases  # the nouns that name the kind of thing: name, number, date
    orders: Phrases  # to insert, enter, fill in
    closing: Phrases  # the same at the end of a text
    here: Phrases
    ideographs: Phrases  # nouns and kinds in Chinese and Japanese
    editorial: Phrases  # ways in which an editor's note begins


@cache
def words() -> Words:
    """The lexicon, compiled."""
    data: Any = read_lexicon("pairsmith.validators", "format.yml")["placeholder"]
    nouns, heads, verbs, here = ("|".join(data[name]) for name in ("nouns", "heads", "verbs", "here"))
    return Words(
        nouns=Phrases(_unaccented(rf"{_START}(?:{nouns})")),
        heads=Phrases(_unaccented(rf"{_START}(?:{heads})")),
        orders=Phrases(rf"{_START}(?:{verbs})"),
        closing=Phrases(rf"(?:{verbs})[ .!।。]{{0,2}}$"),
        here=Phrases(rf"(?<!\w)(?:{here})"),
        ideographs=Phrases(data["ideographs"]),
        editorial=Phrases(data["editorial"]),
    )


def _unaccented(pattern: str) -> str:
    """The pattern for words in capitals too, which lose their accents in many languages."""
    return _CLASS_OR_ACCENT.sub(lambda found: _ACCENTS.get(found.group(), found.group()), pattern)


def bracketed(text: str) -> Iterator[str]:
    """Places to fill between brackets, in order."""
    end = 0
    for sign in _OPENING.finditer(text):
        match = BRACKETS.match(text, sign.start()) if sign.start() >= end else None
        if match is None:
            continue
        end = match.end()
        kind = match.lastgroup or ""
        kind = "double" if kind == "inner" else kind
        content = match["inner"] if kind == "double" else match[kind]
        if _RULES[kind](content.strip()) and not (kind == "square" and _quoted(text, match.start())):
            yield match.group()


def in_round_brackets(text: str) -> list[str]:
    """What stands in round brackets and may be an order: few words without digits."""
    return [content for content in _ROUND.findall(text) if may_order(content.strip())]


def named(content: str) -> bool:
    """Words that name what is to be filled in."""
    folded = plain(content.replace("_", " "))
    known = _NAME.match(content.replace("_", " ")) and words().nouns.search(folded)
    return bool(known) and not words().editorial.fullmatch(folded)


def instructed(text: str, position: int) -> bool:
    """Whether the words before a place tell the reader to fill something in: then the text is about a form."""
    return words().orders.search(plain(text[max(0, position - _INSTRUCTION) : position])) is not None


def ordered(content: str) -> bool:
    """An order to fill something in that the content begins or ends with, or a noun and "here"."""
    if not may_order(content):
        return False
    folded = plain(content)
    if order := words().orders.match(folded):
        return words().nouns.search(folded, order.end()) is not None
    order = words().closing.search(folded) or words().here.search(folded)
    return order is not None and words().nouns.search(folded, 0, order.start()) is not None


def may_order(content: str) -> bool:
    """Whether the content has the form of an order: few words without digits."""
    return _few(content) and _NAME.match(content) is not None and not any(map(str.isdigit, content))


def _few(content: str) -> bool:
    return len(content.split()) <= _WORDS and (" " in content or len(content) <= _UNSPACED)


def _quoted(text: str, position: int) -> bool:
    """Whether the place stands in a quotation: there the brackets are an editor's."""
    left = text[max(0, position - _QUOTATION) : position].rpartition("\n")[2]
    return any(left.rfind(opening) > left.rfind(closing) for opening, closing in _QUOTES) or left.count('"') % 2 == 1


def _capitals(content: str) -> bool:
    """Several words, all in capitals."""
    several = len(re.split(r"[ _'’.\-/]+", content)) > 1
    return content.isupper() and several and bool(_NAME.match(content.replace("_", " ")))


def _square(content: str) -> bool:
    if _SNAKE.match(content) and not content.isdigit():
        return True
    digits = any(char.isdigit() for char in content)
    if _capitals(content):
        return named(content) or (len(content.split()) >= 3 and not digits)
    return named(content) and len(content.split()) <= _WORDS and not digits


def _curly(content: str) -> bool:
    """Template variables are one word, or name what they want."""
    if len(content) < 3 or content[0].isdigit():
        return False
    variable = _SNAKE.match(content) or (content.isascii() and content.isidentifier())
    return "," not in content and (bool(variable) or _capitals(content) or named(content))


def _angle(content: str) -> bool:
    """Several words, capitals, or a kind of thing; any other word in angle brackets is a tag, a nickname, an argument."""
    several = bool(re.search(r"[ _'’]", content))
    if _capitals(content) or (named(content) and (several or content.isupper()) and _few(content)):
        return True
    return content.casefold() not in _TAGS and words().heads.fullmatch(plain(content)) is not None


def _angles(content: str) -> bool:
    """Doubled signs also quote, where a keyboard has no others."""
    return bool(_SNAKE.match(content)) or _capitals(content) or _phrase(content)


def _phrase(content: str) -> bool:
    """Two or three nouns of places, one of which is the name of a kind, in small letters or in capitals: no title is."""
    if content.istitle() or (content[0].isupper() and not content.isupper()):
        return False
    parts = [part for part in re.split(r"[ _]+", plain(content)) if len(part) > 3 or words().heads.match(part)]
    return 2 <= len(parts) <= 3 and all(map(words().nouns.match, parts)) and any(map(words().heads.match, parts))


def _lens(content: str) -> bool:
    return _title(content) or ordered(content) or (named(content) and " " in content and len(content.split()) <= 3)


def _title(content: str) -> bool:
    return words().ideographs.fullmatch(plain(content)) is not None


def _double(content: str) -> bool:
    return len(content) > 1 and not content[0].isdigit()


_RULES: dict[str, Callable[[str], bool]] = {
    "square": _square,
    "double": _double,
    "curly": _curly,
    "angle": _angle,
    "angles": _angles,
    "lens": _lens,
    "quote": _phrase,
    "turned": _phrase,
    "title": _title,
    "round": ordered,
}
