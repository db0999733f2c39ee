"""Templates that were never filled in: ``[Name]``, ``{company}``, ``<INSERT DATE>``, ``%s``, lorem ipsum.

Brackets have many sound uses (citations, code, editorial notes, mark-up, stage directions). A placeholder shows in what they
hold: the name of a thing that is still to come (``data/format.yml``, many languages), words joined by underscores, or words
all in capitals; and in that the text around is neither code nor about templates.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain, islice
from typing import Any

from pairsmith.factory.lexicon import Phrases, plain, read_lexicon
from pairsmith.validators.prose import prose
from pairsmith.validators.topic import about

_BRACKETS = re.compile(
    r"(?<![A-Za-z0-9_\])}\\!])\[(?P<square>[^\[\]\n{}<>|=\\]{2,60})\](?![(\[:A-Za-z0-9_])"
    r"|(?P<double>\{\{ {0,3}[#/]?(?P<inner>[^{}\n|=:<>\\]{1,60})\}\})"
    r"|(?<![\w\\^_${}])\$?\{(?P<curly>[^{}\n|=:;,<>\\()]{2,60})\}(?![\w}])"
    r"|(?<![\w<])<(?P<angle>[^<>\n=/|\\]{2,60})>(?!>)"
    r"|(?<![\w【])【(?P<lens>[^【】\n]{1,30})】|(?<![\w（])（(?P<wide>[^（）\n]{1,30})）|(?<!\w)\((?P<round>[^()\n]{6,40})\)"
)
_SNAKE = re.compile(r"[^\W\d]\w*(?:_\w+)+\Z")
_NAME = re.compile(r"[^\W\d_][^=;:{}()\[\]<>|\\*+\"#@!?]*\Z")
_OTHER = re.compile(
    r"(?<![\w$])\$[A-Z][A-Z_]{2,30}\$(?!\w)|(?<![\w%])%\([a-z_]{2,30}\)[sd]|(?<=[ \"'])%[sd](?=[ .,!?\"'\n])"
    r"|(?<!\w)[Xx]{2}[/.-][Xx]{2}[/.-](?:[Xx]{4}|[Xx]{2}|\d{4})(?!\w)"
    r"|(?<!\w)INSERT [A-Z][A-Z' /-]{1,40} HERE(?!\w)|(?<!\w)[Yy]our (?:text|query|document) here(?!\w)"
    r"|(?:\A|\n)[ \t]{0,9}(?:Your (?:Full Name|Name|Job Title|Title|Company(?: Name)?)|Company Name|Recipient Name)[ \t,]*(?=\n|\Z)"
    r"|(?<!\w)(?:Dear|Hi|Hello) (?:Recipient Name|Customer Name|First Name|Your Name)(?!\w)"
)
_OPENING = re.compile(r"[\[{<【]|（[请請填插输輸记記入挿]|\((?:[Ii]nsert|[Ee]nter|[Ff]ill|[Aa]dd|INSERT) ")
_HINT = re.compile(
    r"[$%]|XX|xx|INSERT|Your |your (?:text|query|document) here|Company Name|Recipient|Customer Name|First Name"
)
_FILL_IN = re.compile(
    r"(?:请|請)?(?:填写|填寫|插入|输入|輸入|记入|記入|入力|挿入)|.*(?:を記入|を入力|を挿入|填写|填入)\Z"
)
_CJK_NAME = re.compile(
    r"(?:公司|姓名|名字|会社|氏名|地名|日期|日付|客户|客戶|学校|产品|產品|城市|商品)(?:名|名称|名稱|姓名)?\Z"
)
_INSERT = re.compile(r"(?:insert|enter|fill in|add) (?:your |the )?[\w ]{2,30} here\Z", re.I)
_LOREM = re.compile(r"lorem ipsum dolor|consectetur adipi[sc]{2}ing elit|sed do eiusmod tempor", re.I)
_TRIED = 20  # places looked at: code may be full of braces
_BLANK = re.compile(r"(?<!\w)_{3,}(?!\w)")
_FEW_BLANKS = 3
_QUOTATION = 400  # characters before a place in which a quotation may have opened
_QUOTES = (("“", "”"), ("„", "“"), ("«", "»"), ("「", "」"))


@cache
def _words() -> tuple[Phrases, Phrases]:
    """(nouns that a place names, ways in which an editor's note begins)."""
    words: Any = read_lexicon("pairsmith.validators", "format.yml")["placeholder"]
    return Phrases(rf"(?<!\w)(?:{'|'.join(words['nouns'])})"), Phrases(words["editorial"])


def placeholder(text: str, context: str) -> str | None:
    """The first unfilled place in ``text``, or None. ``context``: the row's instruction and query."""
    return _unfilled(text, context) or _lorem(text, context) or _blank(text, context)


def _unfilled(text: str, context: str) -> str | None:
    code = None
    for found in islice(chain(_in_brackets(text), _elsewhere(text)), _TRIED):
        if about("templates", text.replace(found, " "), context):
            return None
        code = code or _Code(text)
        if code.mostly:
            return None
        if not code.holds(found):
            return found
    return None


def _lorem(text: str, context: str) -> str | None:
    match = _LOREM.search(text)
    if match is None or about("filler", _LOREM.sub(" ", text), context):
        return None
    return match.group()


def _in_brackets(text: str) -> Iterator[str]:
    if not _OPENING.search(text):
        return
    for match in _BRACKETS.finditer(text):
        kind = match.lastgroup or ""
        kind = "double" if kind == "inner" else kind
        content = match["inner"] if kind == "double" else match[kind]
        if _RULES[kind](content.strip()) and not (kind == "square" and _quoted(text, match.start())):
            yield match.group()


def _quoted(text: str, position: int) -> bool:
    """Whether the place stands in a quotation: there the brackets are an editor's."""
    left = text[max(0, position - _QUOTATION) : position].rpartition("\n")[2]
    return any(left.rfind(opening) > left.rfind(closing) for opening, closing in _QUOTES) or left.count('"') % 2 == 1


def _names(content: str) -> bool:
    """Words that name what is to be filled in."""
    nouns, editorial = _words()
    folded = plain(content.replace("_", " "))
    return bool(_NAME.match(content.replace("_", " ")) and nouns.search(folded)) and not editorial.fullmatch(folded)


def _capitals(content: str) -> bool:
    """Several words, all in capitals."""
    return (
        content.isupper()
        and len(re.split(r"[ _'’.\-/]+", content)) > 1
        and bool(_NAME.match(content.replace("_", " ")))
    )


def _square(content: str) -> bool:
    if _SNAKE.match(content) and not content.isdigit():
        return True
    named = _names(content)
    if _capitals(content):
        return named or (len(content.split()) >= 3 and not any(char.isdigit() for char in content))
    return named and len(content.split()) <= 7 and not any(char.isdigit() for char in content)


def _curly(content: str) -> bool:
    """Template variables are one word, or name what they want."""
    if len(content) < 3 or any(char.isdigit() for char in content[:1]):
        return False
    variable = _SNAKE.match(content) or (content.isascii() and content.isidentifier())
    return bool(variable) or _capitals(content) or _names(content)


def _angle(content: str) -> bool:
    """One word in angle brackets is a tag, a nickname or an argument; several words, or capitals, are a place to fill."""
    several = bool(re.search(r"[ _'’]", content))
    if _capitals(content):
        return True
    return _names(content) and (several or content.isupper()) and len(content.split()) <= 7


def _wide(content: str) -> bool:
    return len(content) <= 12 and _FILL_IN.match(content) is not None


def _lens(content: str) -> bool:
    return _wide(content) or _CJK_NAME.match(content) is not None


def _round(content: str) -> bool:
    return _INSERT.match(content) is not None


def _double(content: str) -> bool:
    return len(content) > 1 and not content[0].isdigit()


_RULES: dict[str, Callable[[str], bool]] = {
    "square": _square,
    "double": _double,
    "curly": _curly,
    "angle": _angle,
    "lens": _lens,
    "wide": _wide,
    "round": _round,
}


def _elsewhere(text: str) -> Iterator[str]:
    if not _HINT.search(text):
        return iter(())
    return (match.group().strip() for match in _OTHER.finditer(text))


class _Code:
    """Where a text is code: its lines of code, and what stands between backticks."""

    def __init__(self, text: str) -> None:
        self._text = text
        shown = prose(_BRACKETS.sub(lambda match: "x" * len(match.group()), text))
        self._shown = shown
        self.mostly = _visible(shown) < _visible(text) / 2

    def holds(self, found: str) -> bool:
        start = self._text.index(found)
        left, right = self._text.rfind("\n", 0, start) + 1, self._text.find("\n", start + len(found))
        right = len(self._text) if right < 0 else right
        if self._text.count("`", left, start) % 2 or self._text.count("```", 0, start) % 2:
            return True
        around = _visible(self._text[left:start]) + _visible(self._text[start + len(found) : right])
        return _visible(self._shown[left:start]) + _visible(self._shown[start + len(found) : right]) < around / 2


def _visible(text: str) -> int:
    return len("".join(text.split()))


def _blank(text: str, context: str) -> str | None:
    """A run of underscores in running prose that is no form or exercise."""
    blanks = _BLANK.findall(text)
    if not blanks or len(blanks) > _FEW_BLANKS or len(text) < 150:
        return None
    if about("forms", text, context) or _Code(text).holds(blanks[0]):
        return None
    return str(blanks[0])
