"""Which parts of a text are running prose, and the sentences and clauses they fall into.

Code, formulas, links, quotations, glosses in brackets and references to literature are blanked out (each character by a
space, so positions stay), because their language says nothing about the language of the text around them.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import regex

_FORMULA = regex.compile(
    r"\$\$[^$]{1,2000}\$\$|\$[^\s$\d][^$\n]{0,200}(?<!\s)\$(?!\d)|\\\([^\n]{1,300}?\\\)|\\\[.{1,2000}?\\\]|\\[A-Za-z]{1,30}(?:\{[^{}\n]{0,100}\}){0,3}",
    regex.S,
)
_INLINE_CODE = regex.compile(r"`[^`\n]{1,300}`|</?[A-Za-z][^<>\n]{0,200}>")
LINK = regex.compile(
    r"(?:https?://|www\.)\S{1,2000}|\S{1,64}@\S{1,255}|(?<!\S)[@#]\w[\w.]{0,100}"
    r"|(?<!\S)--?[A-Za-z][\w-]{0,60}(?:=\S{1,200})?|(?<!\S)[~.]{0,2}(?:[/\\][\w.*-]{1,100}){2,40}[/\\]?",
    regex.I,
)

# Signs without which no link, path or option stands there, at the beginning or after white space.
_OPTION = regex.compile(r"-(?<!\S-)")
_HANDLE = regex.compile(r"#(?<!\S#)")
_PATH = regex.compile(r"[/\\](?<=(?<!\S)[~.]{0,2}[/\\])")

_KEYWORD = regex.compile(
    r"\s*(?:(?:def|class|fn|func|function|sub|struct|enum|interface|impl|module|namespace|package)\s+[\w.$:<>]+\s*[({:;<]"
    r"|(?:import|from|using|require|include|use)\s+[\w.\"'<{*]\S*\s*(?:;|$|import\b|as\b|from\b)"
    r"|#\s*(?:include|define|ifdef|ifndef|endif|pragma)\b|(?:public|private|protected|static|const|let|var|val|final)\s+\w.{0,200}[=({;]"
    r"|(?:if|elif|while|for|switch|except|with)\b(?=.{0,300}[()\[\]=<>._]).{0,300}[:{]\s*$|(?:else|try|finally|do)\s*[:{]"
    r"|(?:return|yield|raise|throw|await|print|echo|assert|del)\b[ (]*[\w\"'\[({.\-+*]*[)\].;(]"
    r"|(?:SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|FROM|WHERE|JOIN|GROUP BY|ORDER BY)\s"
    r"|\$\s\w+|>>>|\.\.\.\s|@\w+(?:\(|$)|</?\w+[^>\n]{0,200}>)"
)
_OPERATOR = regex.compile(
    r"[A-Za-z0-9_)\]\"']\s*[;{]\s*$|[{}]\s*$|==|!=|=>|->|:=|\+=|-=|&&|\|\||::|\(\)|</|/>|[\w\])]\s*=\s*[\w\"'\[({\-]|\w\[\w*\]|\w\(\w*[,)]"
)
_SIGN = re.compile(r"[{}()\[\];=<>+*/|&$_\\^~%@#]")
_COMMENT = regex.compile(r"(?:^|\s)(?:#(?![\w!])|//|--\s|/\*+|<!--|%\s)|^\s*\*\s|\"\"\"|'''")

QUOTED = regex.compile(
    r"\"[^\"\n]{1,300}\"|“[^”\n]{1,300}”|«[^»\n]{1,300}»|»[^«\n]{1,300}«|„[^“”\"\n]{1,300}[“”\"]|‚[^‘’\n]{1,300}[‘’]"
    r"|(?<![\p{L}\p{N}])[‘'][^’'\n]{1,300}[’'](?![\p{L}\p{N}])|‹[^›\n]{1,300}›"
    r"|「[^」\n]{1,300}」|『[^』\n]{1,300}』|《[^》\n]{1,300}》|〈[^〉\n]{1,300}〉|【[^】\n]{1,300}】"
    r"|\([^()\n]{1,200}\)|（[^（）\n]{1,200}）|\[[^\[\]\n]{1,200}\]"
    r"|(?<![\p{L}\p{N}*])\*{1,3}[^*\n]{1,200}\*{1,3}(?![\p{L}\p{N}*])|(?<![\p{L}\p{N}_])_{1,2}[^_\n]{1,200}_{1,2}(?![\p{L}\p{N}_])"
)
_QUOTING = re.compile("[\"“«»„‚‘'‹「『《〈【(（\\[*_]")
REFERENCE = regex.compile(
    r"\bet al\b|\bdoi\b|\bISBN\b|\bISSN\b|\barXiv\b|\bpp\.\s?\d|\d\s?\(\d+\)|\bProceedings of\b|\bJournal of\b",
    regex.I,
)
HINT = regex.compile(
    r"\bp\.\s?\d|\bvol\.?\s?\d|\bno\.\s?\d|\b\d+[–-]\d+\b|[(（,]\s?(?:1[5-9]|20)\d\d[a-z]?\s?[)）.]|\bIn:\s|\beds?\.|\bPress\b",
    regex.I,
)
_HINTS = 2  # that make a reference: one year or number alone is none
# What a reference or a hint at one cannot do without, in small letters; the digit that each number in a hint ends in.
_CITES = ("et al", "doi", "isbn", "issn", "arxiv", "pp.", "proceedings of", "journal of")
_HINTING = ("in:", "press", "vol")
_ISSUE = regex.compile(r"\(\d+\)")
_NUMBERED = regex.compile(r"\d(?<=(?:[PLOplo]\.\s?|\d[–-]|[(（,]\s?(?:1[5-9]|20))\d)")
_EDITED = regex.compile(r"\beds?\.", regex.I)
ENDERS = ".!?…"  # of a sentence where white space follows
STOPS = f"{ENDERS}。！？।॥።؟۔။"  # the others end one anyway
CLAUSE_SIGNS = ",;:،؛、，；：—–"
_SENTENCE = regex.compile(rf"(?:[^{STOPS}\n]|[{ENDERS}]+(?=[^\s{ENDERS}])|\.(?=\s+[\p{{Ll}}\p{{N}}(,;]))+[{STOPS}]*")
_CLAUSE = regex.compile(f"[^{CLAUSE_SIGNS}]+")


class Span(NamedTuple):
    """A stretch of a text, by character positions."""

    start: int
    end: int


def prose(text: str) -> str:
    """``text`` with code, formulas, links, paths and options blanked out; comments and documentation of code stay."""
    if "$" in text or "\\" in text:
        text = _FORMULA.sub(_blank, text)
    if "`" in text or "<" in text:
        text = _INLINE_CODE.sub(_blank, text)
    if may_link(text):
        text = LINK.sub(_blank, text)
    lines = text.split("\n")
    coded = [_is_code(line) for line in lines]
    if sum(coded) < 2 and sum(coded) < len(lines):
        return text  # one odd line, a title or a sum, does not make it code
    return "\n".join(_comment(line) if code else line for line, code in zip(lines, coded, strict=True))


def may_link(text: str) -> bool:
    """Whether the signs stand in ``text`` without which it holds no link, path or option: the search for them is slow."""
    return (
        "@" in text
        or "://" in text
        or "www." in text.lower()
        or ("-" in text and _OPTION.search(text) is not None)
        or ("#" in text and _HANDLE.search(text) is not None)
        or (("/" in text or "\\" in text) and _PATH.search(text) is not None)
    )


def unquoted(text: str) -> str:
    """``text`` without what others said: quotations, brackets, emphasised titles (300 characters each), references."""
    rest = QUOTED.sub(_blank, text) if _QUOTING.search(text) else text
    if not is_reference(text):
        return rest  # what is nowhere in the text is in none of its sentences
    for start, end in list(sentences(rest)):
        if is_reference(text[start:end]):
            rest = rest[:start] + _blanks(rest[start:end]) + rest[end:]
    return rest


def is_reference(text: str) -> bool:
    """Whether a sentence looks like an entry in a list of literature, whose titles stay in their own language."""
    folded = text.casefold().replace("i̇", "i").replace("ı", "i")  # each kind of i is any other, as in the patterns
    if _may_cite(text, folded) and REFERENCE.search(text):
        return True
    return _hints(text, folded) >= _HINTS and len(HINT.findall(text)) >= _HINTS


def _may_cite(text: str, folded: str) -> bool:
    """Whether one of the parts stands in ``text`` without which no reference does: the search for them is slow."""
    return any(word in folded for word in _CITES) or ("(" in text and _ISSUE.search(text) is not None)


def _hints(text: str, folded: str) -> int:
    """At least as many as there are hints at a reference in ``text``; the search for them is slow."""
    editors = len(_EDITED.findall(text)) if "ed." in folded or "eds." in folded else 0
    return editors + sum(map(folded.count, _HINTING)) + len(_NUMBERED.findall(text))


def sentences(text: str) -> Iterator[Span]:
    """Sentences and lines, in order."""
    for found in _SENTENCE.finditer(text):
        yield Span(found.start(), found.end())


def clauses(text: str, sentence: Span) -> list[Span]:
    """The parts of a sentence between commas, colons, semicolons and dashes; none where there is only one part."""
    found = [Span(part.start(), part.end()) for part in _CLAUSE.finditer(text, sentence.start, sentence.end)]
    return found if len(found) > 1 else []


def _blank(found: regex.Match[str]) -> str:
    return _blanks(found.group())


def _blanks(text: str) -> str:
    return "\n".join(" " * len(line) for line in text.split("\n"))


def _is_code(line: str) -> bool:
    stripped = line.strip()
    if not stripped:
        return False
    if _KEYWORD.match(line):
        return True
    density = len(_SIGN.findall(stripped)) / len(stripped)
    return density > 0.15 or (density > 0.05 and _OPERATOR.search(line) is not None)


def _comment(line: str) -> str:
    marker = _COMMENT.search(line)
    start = len(line) if marker is None else marker.end()
    return " " * start + line[start:]
