"""Searches that are left out could have found nothing."""

import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith.validators import prose

PIECES = st.sampled_from(
    ["a", "word", "İ", "ı", "ſ", "ß", "1", "2019", "15", "٣", " ", "\n", "\t", "\u00a0", "\x1c", ".", ",", "(", ")", "（",
     "）", "-", "--", "–", "/", "\\", "~", "~/", "./", "@", "#", "://", "http", "HTTPS://", "www.", "WwW.", "=", "$", "`",
     "<b>", "*", "_", "“", "”", "'", "et al", "doi", "DOİ", "ISBN", "ıssn", "arXiv", "pp.", "p. ", "vol", "VOL. ", "no. ",
     "In: ", "İn: ", "ed.", "EDS.", "edſ.", "press", "Proceedings of", "journal oF", "3 (4)", "{", "}", "def f(x):"]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=25).map("".join))


@settings(max_examples=500)
@given(TEXTS)
def test_a_text_with_a_link_path_or_option_has_the_signs_of_one(text: str) -> None:
    assert prose.may_link(text) or prose.LINK.search(text) is None


@settings(max_examples=500)
@given(TEXTS)
def test_a_reference_is_seen_as_by_the_whole_patterns(text: str) -> None:
    whole = prose.REFERENCE.search(text) is not None or len(prose.HINT.findall(text)) >= 2
    assert prose.is_reference(text) == whole


@settings(max_examples=500)
@given(TEXTS)
def test_no_sentence_is_a_reference_in_a_text_that_holds_none(text: str) -> None:
    rest = prose.QUOTED.sub(lambda found: regex.sub(r"[^\n]", " ", found.group()), text)
    for start, end in list(prose.sentences(rest)):
        if prose.is_reference(text[start:end]):
            rest = rest[:start] + regex.sub(r"[^\n]", " ", rest[start:end]) + rest[end:]
    assert prose.unquoted(text) == rest
