"""JSON lines as people and services write them: UTF-8, one object a line, blank lines and a byte order mark passed over."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pairsmith.factory.errors import InputError


def json_lines(path: Path, advice: str, about: str = "") -> Iterator[tuple[str, dict[str, Any] | InputError]]:
    """Place (``file:line``) and content of each line; in place of one that is no JSON object, what is wrong with it.

    ``advice``: what is done or to be done with such a line. Raises :class:`InputError` where the file cannot be read;
    ``about`` says what names it.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                text = line.removeprefix(b"\xef\xbb\xbf").strip()
                if text:
                    yield f"{path}:{number}", _object(f"{path}:{number}", text, advice)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}){f'; {about}' if about else ''}") from None


def _object(place: str, text: bytes, advice: str) -> dict[str, Any] | InputError:
    try:
        record = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        return InputError(f"{place}: not JSON ({error}); {advice}")
    return record if isinstance(record, dict) else InputError(f"{place}: not an object; {advice}")
