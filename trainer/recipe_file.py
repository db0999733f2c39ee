"""A recipe as a person gives it: a YAML file of some of its names, and single values on the command line."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pairsmith.factory.errors import InputError, nearest
from pairsmith.trainer.recipe import Recipe


def read_recipe(path: Path | None, settings: Iterable[str] = ()) -> Recipe:
    """The recipe of the file, or the method's where there is none, with each ``name=value`` of ``settings`` in place of it.

    Raises :class:`InputError` with every finding in one line.
    """
    given = _read(path) if path else {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise InputError(f"--set {setting}: give a name and a value, such as --set batch=512")
        given[name.strip()] = _value(setting, value)
    try:
        return Recipe.model_validate(given)
    except ValidationError as error:
        found = "; ".join(_finding(one) for one in error.errors())
        raise InputError(f"{path or '--set'}: {found}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name a recipe, or leave --recipe out") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from None
    if not isinstance(given, dict | None):
        raise InputError(f"{path}: holds {type(given).__name__}, not names and values; see docs/train.md")
    return given or {}


def _value(setting: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise InputError(f"--set {setting}: the value is not readable as YAML") from None


def _finding(error: Any) -> str:
    where = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        return f"unknown name '{where}'{nearest(where, Recipe.model_fields)}"
    message = error["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(error["input"], dict) else f" (found {error['input']!r})"
    return f"{where + ': ' if where else ''}{message}{shown}"
