"""Texts that are kept in compressed blocks come back by their number as they were."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pairsmith.validators.text_store import TextStore, TextStoreWriter


def stored(path, *parts):
    writer = TextStoreWriter(path)
    for part in parts:
        writer.add(part)
    writer.close()
    return TextStore(path)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.text(max_size=5), max_size=90), max_size=4))
def test_what_goes_in_comes_out(parts):
    with tempfile.TemporaryDirectory() as folder:
        store = stored(Path(folder) / "texts.arrow", *parts)
        texts = [text for part in parts for text in part]
        assert [store[number] for number in range(len(texts))] == texts


def test_like_texts_take_little_room(tmp_path):
    texts = [f"What are the symptoms of illness number {number} ?" for number in range(10_000)]
    stored(tmp_path / "texts.arrow", texts)
    assert (tmp_path / "texts.arrow").stat().st_size < sum(map(len, texts)) / 3
