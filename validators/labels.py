"""Does a class label stand in the text that it classifies? As whole words; inside another word it is no leak."""

import itertools

import regex

from pairsmith.factory.text import excerpt, fold, tokens, unspaced_letters, words

ANSWER_LETTERS = 4  # a one-word answer this long leaks anywhere in the text; a shorter one where it stands alone
WRONG_LETTERS = 6  # the same for the misleading label, which gives less away and may be any common word
UNSPACED_WORDS = 1  # in scripts without spaces: longer than this many words, since words have no edges there
LONGEST = 60  # tokens; what is longer is no label

# Labels that are also words of every second text: they leak only where they stand alone.
_EVERYDAY = """
other others none both high less more same never always true false unknown autre autres haut haute otro otra otros alto
alta outro outra altro altri andere anderes sonstiges hoch anders annan annat muut другое другие высокий
"""
EVERYDAY = frozenset(_EVERYDAY.split())

_BEFORE = r"(?:^|[\n(\[{<«“„「『（【\"'‘:：=#*|>•→]|[.!?。！？…]\s|\s[-–—]\s|^[-–—]\s)\s?"
_AFTER = r"(?=\s?(?:$|[\n)\]}>»”」』）】\"'’|*<]|[.!?;。！？…](?:\s|$|[)\]\"'”])|\s[-–—]\s))"
_LETTER = r"[\p{L}\p{N}\p{M}]"
_GLUE = r"[._/@\\-]"  # inside a dotted name, a path, an address or a compound a word is not itself
AROUND = 60  # characters of the text shown on each side


def leaked(label: str, text: str, answer: bool) -> str | None:
    """The excerpt of ``text`` in which ``label`` stands, or None.

    Alone (at the start or end, in brackets or quotes, after a colon, as a line or sentence): always. In running text:
    labels of two words and more, and single words that are long enough. ``answer``: the right label, not the
    misleading one.
    """
    units = tokens(label)
    if not units or sum(map(len, units)) == 1:
        return _tiny(_lines(label), _lines(text))
    lines = "\n".join(filter(None, map(fold, text.splitlines())))
    if len(units) > LONGEST or any(unit not in lines for unit in units):
        return None
    pattern = _pattern(units)
    match = regex.search(rf"{_BEFORE}{pattern}{_AFTER}", lines)
    if match is None and _telling(units, answer):
        match = regex.search(pattern, lines)
    return _excerpt(lines, match.start(), match.end()) if match else None


def _tiny(label: str, text: str) -> str | None:
    """A label of one letter or of signs ("C", "C#", "★★"): at the very end or start, marked off from the rest."""
    exact = regex.escape(label)
    ends = rf"(?:[(\[\"'“「（【\n]|[:：]\s?){exact}[)\]\"'”」）】]?[.。]?$|^[(\[]{exact}[)\]]"
    match = regex.search(ends, text) if label else None
    return _excerpt(text, match.start(), match.end()) if match else None


def _lines(text: str) -> str:
    """Lines that hold something, runs of space made one: case counts here, since "C" is a language and "c" a letter."""
    return "\n".join(filter(None, (" ".join(line.split()) for line in text.splitlines())))


def _telling(units: list[str], answer: bool) -> bool:
    """The label is particular enough to count in running text."""
    text = "".join(units)
    if unspaced_letters(text):
        return words(units) > UNSPACED_WORDS or (answer and words(units) >= UNSPACED_WORDS)
    if len(units) > 1:
        return True
    return len(text) >= (ANSWER_LETTERS if answer else WRONG_LETTERS) and text not in EVERYDAY


def _pattern(units: list[str]) -> str:
    """The tokens in a row, whatever signs stand between them, as whole words. Gaps are bounded, so is backtracking."""
    gap = rf"(?:(?!{_LETTER})[^\n]){{0,3}}"
    body = regex.escape(units[0])
    for before, after in itertools.pairwise(units):
        spaced = not unspaced_letters(before) and not unspaced_letters(after)
        body += (rf"(?!{_LETTER})" if spaced else "") + gap + regex.escape(after)
    start = "" if unspaced_letters(units[0]) else rf"(?<!{_LETTER})(?<!{_LETTER}{_GLUE})"
    end = "" if unspaced_letters(units[-1]) else rf"(?!{_LETTER})(?!{_GLUE}{_LETTER})"
    return start + body + end


def _excerpt(text: str, start: int, end: int) -> str:
    return excerpt(text[max(0, start - AROUND) : end + AROUND])
