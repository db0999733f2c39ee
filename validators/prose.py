"""Which parts of a text are running prose, and the sentences and clauses they fall into.

Code, formulas, links, quotations, glosses in brackets and references to literature are blanked out (each character by a
space, so positions stay), because their language says nothing about the language of the text around them.
"""

from collections.abc import Iterator
from typing import NamedTuple

import regex

_FORMULA = regex.compile(
    r"\$\$[^$]{1,2000}\$\$|\$[^\s$\d][^$\n]{0,200}(?<!\s)\$(?!\d)|\\\([^\n]{1,300}?\\\)|\\\[.{1,2000}?\\\]|\\[A-Za-z]{1,30}(?:\{[^{}\n]{0,100}\}){0,3}",
    regex.S,
)
_INLINE_CODE = regex.compile(r"`[^`\n]{1,300}`|</?[A-Za-z][^<>\n]{0,200}>")
_LINK = regex.compile(
    r"(?:https?://|www\.)\S{1,2000}|\S{1,64}@\S{1,255}|(?<!\S)[@#]\w[\w.]{0,100}"
    r"|(?<!\S)--?[A-Za-z][\w-]{0,60}(?:=\S{1,200})?|(?<!\S)[~.]{0,2}(?:[/\\][\w.*-]{1,100}){2,40}[/\\]?",
    regex.I,
)

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
_SIGN = regex.compile(r"[{}()\[\];=<>+*/|&$_\\^~%@#]")
_COMMENT = regex.compile(r"(?:^|\s)(?:#(?![\w!])|//|--\s|/\*+|<!--|%\s)|^\s*\*\s|\"\"\"|'''")

_QUOTED = regex.compile(
    r"\"[^\"\n]{1,300}\"|“[^”\n]{1,300}”|«[^»\n]{1,300}»|»[^«\n]{1,300}«|„[^“”\"\n]{1,300}[“”\"]|‚[^‘’\n]{1,300}[‘’]"
    r"|(?<![\p{L}\p{N}])[‘'][^’'\n]{1,300}[’'](?![\p{L}\p{N}])|‹[^›\n]{1,300}›"
    r"|「[^」\n]{1,300}」|『[^』\n]{1,300}』|《[^》\n]{1,300}》|〈[^〉\n]{1,300}〉|【[^】\n]{1,300}】"
    r"|\([^()\n]{1,200}\)|（[^（）\n]{1,200}）|\[[^\[\]\n]{1,200}\]"
    r"|(?<![\p{L}\p{N}*])\*{1,3}[^*\n]{1,200}\*{1,3}(?![\p{L}\p{N}*])|(?<![\p{L}\p{N}_])_{1,2}[^_\n]{1,200}_{1,2}(?![\p{L}\p{N}_])"
)
_REFERENCE = regex.compile(
    r"\bet al\b|\bdoi\b|\bISBN\b|\bISSN\b|\barXiv\b|\bpp\.\s?\d|\d\s?\(\d+\)|\bProceedings of\b|\bJournal of\b",
    regex.I,
)
_HINT = regex.compile(
    r"\bp\.\s?\d|\bvol\.?\s?\d|\bno\.\s?\d|\b\d+[–-]\d+\b|[(（,]\s?(?:1[5-9]|20)\d\d[a-z]?\s?[)）.]|\bIn:\s|\beds?\.|\bPress\b",
    regex.I,
)
_SENTENCE = regex.compile(
    r"(?:[^.!?…。！？।॥።؟۔။\n]|[.!?…]+(?=[^\s.!?…])|\.(?=\s+[\p{Ll}\p{N}(,;]))+[.!?…。！？।॥።؟۔။]*"
)
_CLAUSE = regex.compile(r"[^,;:،؛、，；：—–]+")


class Span(NamedTuple):
    """A stretch of a text, by character positions."""

    start: int
    end: int


def prose(text: str) -> str:
    """``text`` with code, formulas, links, paths and options blanked out; comments and documentation of code stay."""
    for pattern in (_FORMULA, _INLINE_CODE, _LINK):
        text = pattern.sub(_blank, text)
    lines = text.split("\n")
    coded = [_is_code(line) for line in lines]
    if sum(coded) < 2 and sum(coded) < len(lines):
        return text  # one odd line, a title or a sum, does not make it code
    return "\n".join(_comment(line) if code else line for line, code in zip(lines, coded, strict=True))


def unquoted(text: str) -> str:
    """``text`` without what others said: quotations, brackets, emphasised titles (300 characters each), references."""
    rest = _QUOTED.sub(_blank, text)
    for start, end in list(sentences(rest)):
        if is_reference(text[start:end]):
            rest = rest[:start] + regex.sub(r"[^\n]", " ", rest[start:end]) + rest[end:]
    return rest


def is_reference(text: str) -> bool:
    """Whether a sentence looks like an entry in a list of literature, whose titles stay in their own language."""
    return _REFERENCE.search(text) is not None or len(_HINT.findall(text)) >= 2


def sentences(text: str) -> Iterator[Span]:
    """Sentences and lines, in order."""
    for found in _SENTENCE.finditer(text):
        yield Span(found.start(), found.end())


def clauses(text: str, sentence: Span) -> list[Span]:
    """The parts of a sentence between commas, colons, semicolons and dashes; none where there is only one part."""
    found = [Span(part.start(), part.end()) for part in _CLAUSE.finditer(text, sentence.start, sentence.end)]
    return found if len(found) > 1 else []


def _blank(found: regex.Match[str]) -> str:
    return regex.sub(r"[^\n]", " ", found.group())


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
