"""Broken text: UTF-8 read in a wrong code page (mojibake), and characters that no text holds (controls, private use)."""

import re
import unicodedata

from pairsmith.factory.languages import LANGUAGES
from pairsmith.validators.topic import about

_EXCERPT = 60

# What the bytes 80-BF of UTF-8 become in Latin-1 and in Windows-1252; a few of these bytes may have been stripped.
_TAIL = "\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
# Pairs that only a wrong code page makes: 2-byte letters (Ã©), general punctuation (â€™), symbols (Â°), a byte order mark,
# U+FFFD read again, 3- and 4-byte letters (ã‚, ðŸ˜€).
_LATIN = re.compile(
    rf"Ã[\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹Œ‘’“”•–—˜™š›œžŸ]|Â[\u0080-\u009f\u00a0¡-¿](?![\u0300-\u036f])|â(?:€|\u0080)[\s{_TAIL}]"
    rf"|ï»¿|ï¿½|[ÐÑØÙÚÛ×ÎÏÄÅ][{_TAIL}][ÐÑØÙÚÛ×ÎÏÄÅ][{_TAIL}]|[àáãäåæçèé][{_TAIL}]{{2}}(?=[àáãäåæçèé\s])|ð[Ÿ\u009f][{_TAIL}]{{2}}"
)
# UTF-8 Cyrillic read as Windows-1251, UTF-8 read as Mac Roman, GBK or Shift-JIS, double conversions of CJK.
_OTHER = re.compile(
    r"(?:[РС][\u0080-\u00bfЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—™љ›њќћџЎўЈ¤Ґ¦§Ё©Є«¬®Ї°±Ііґµ¶·ё№є»јЅѕї]){3}"
    r"|‚Ä[ôúùìîÏ¢]|√[©®±°£¢¶º•¥†]\w|(?:锟斤拷|烫烫烫|屯屯屯|占쏙옙|ï¿½)|(?:[縺繧繝][^\s]?){3}"
)
_REPLACED = re.compile("\ufffd")
_LEAD = re.compile("[ÃÂâïÐÑØÙÚÛ×ÎÏÄÅàáãäåæçèéðРС‚√锟烫屯占縺繧繝\ufffd]")  # every pattern begins with one of these
_HIGH = re.compile(r"[\u0080-\u00ff€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]")
_LETTERS = re.compile(r"[^\W\d_]")
_QUESTIONS = re.compile(r"\?{2,}")

_CONTROL = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ud800-\udfff\ue000-\uf8ff"
    "\ufdd0-\ufdef\ufffe\uffff\ufff9-\ufffb\u202d\u202e\U000f0000-\U0010ffff]|(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0001-\U000e007f]"
)


def mojibake(text: str, language: str) -> str | None:
    """The excerpt in which text was decoded with a wrong code page, or characters were lost (U+FFFD, "????"); or None.

    ``language``: ISO 639-1. A text about encodings may show an example.
    """
    if text.isascii():
        return _lost(text)
    match = (_LATIN.search(text) or _OTHER.search(text) or _REPLACED.search(text)) if _LEAD.search(text) else None
    if match is not None:
        if about("encodings", text) and len(_HIGH.findall(text)) < 0.1 * len(text):
            return None
        return _around(text, match.start())
    return _stripped(text, language) or _lost(text)


def maybe_latin(language: str) -> bool:
    """Whether the language (ISO 639-1) is written in Latin letters, or not known."""
    return language not in LANGUAGES or "Latin" in LANGUAGES[language].scripts


def _stripped(text: str, language: str) -> str | None:
    """Of a language in another script only accented Latin is left: a byte of each pair was stripped."""
    if maybe_latin(language):
        return None
    letters = _LETTERS.findall(text)
    high = sum("\u00a0" < letter <= "\u00ff" for letter in letters)
    return text[:_EXCERPT] if high >= 3 and high > 0.5 * len(letters) else None


def _lost(text: str) -> str | None:
    """Question marks in place of letters: words of them, most of the text, in a script that code pages drop."""
    if not _QUESTIONS.search(text):
        return None
    marks, letters = text.count("?"), len(_LETTERS.findall(text))
    return text[:_EXCERPT] if marks >= 6 and marks > letters else None


def control_character(text: str) -> str | None:
    """Names the first character that no text holds, or None.

    C0 and C1 controls other than tab and line ends, surrogates, private use, non-characters, direction overrides, invisible
    tags. Joiners, direction marks and isolates belong to Persian, Hindi, Hebrew and emoji, and pass.
    """
    if text.isprintable():
        return None
    match = _CONTROL.search(text)
    if match is None:
        return None
    char = match.group()
    return f"U+{ord(char):04X} {unicodedata.name(char, '')}".rstrip() + f" in {_around(text, match.start())!r}"


def _around(text: str, position: int) -> str:
    start = max(0, position - _EXCERPT // 2)
    return text[start : start + _EXCERPT]
