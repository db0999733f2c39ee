"""Files of keys and values that people write: YAML, read strictly into a typed model, every finding in one line."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from pairsmith.factory.errors import PairsmithError, nearest

Model = TypeVar("Model", bound=BaseModel)


def read_yaml(
    path: Path, model: type[Model], error: type[PairsmithError], remedy: str, single: Collection[str] = ()
) -> Model:
    """Read and check a file. ``remedy`` says what to do where it is not there.

    ``single``: top keys below which a list of one may be written without its brackets, so that its place is not told.
    Raises ``error`` with every finding in one line: the key, its value, what is wanted, the nearest known key.
    """
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  # a safe loader, made stricter
    except OSError as found:
        raise error(f"{path}: cannot be read ({found.strerror}); {remedy}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as found:
        raise error(f"{path}: not readable as YAML: {' '.join(str(found).split())}") from None
    if not isinstance(data, dict):
        raise error(f"{path}: holds {type(data).__name__}, not keys and values; {remedy}")
    try:
        return model.model_validate(data)
    except ValidationError as found:
        raise error(f"{path}: " + "; ".join(_finding(one, model, single) for one in found.errors())) from None


class _Loader(yaml.SafeLoader):
    """Of two equal keys YAML keeps the last one without a word: what the first one says would be gone."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    names = [key.value for key, _ in node.value]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise ValueError(f"'{twice}' stands twice at line {node.start_mark.line + 1} and below; keep one")
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _finding(error: Any, model: type[BaseModel], single: Collection[str]) -> str:
    place = error["loc"]
    where = ".".join(str(part) for part in place if part != 0 or place[0] not in single)
    if error["type"] == "extra_forbidden":
        return f"unknown key '{where}'{nearest(place[-1], _known_keys(model, place[:-1]))}"
    message = error["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(error["input"], dict) else f" (found {error['input']!r})"
    return f"{where + ': ' if where else ''}{message}{shown}"


def _known_keys(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """The keys of the part of ``model`` that ``path`` leads to."""
    part = model
    for name in path:
        if name in part.model_fields:  # else a place in a list of parts, or the name of one
            part = next(_models(part.model_fields[name].annotation), part)
    return list(part.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a type is, or is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
