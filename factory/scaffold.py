"""``pairsmith init``: a ``factory.yml`` with every key, its default and what it means, made from the typed spec itself."""

import textwrap
from typing import Any

import yaml

from pairsmith.factory.spec import Section, Spec

_HEAD = """\
# What this run makes. Every key is optional: what you delete has the default shown here.
# Editors complete and check it with the output of 'pairsmith schema'.
"""
WIDTH = 110


def commented_yaml(spec: Spec) -> str:
    """The spec as YAML with a comment on every key; reading it gives the same spec back."""
    return _HEAD + "\n".join(_section(spec, ""))


def _section(section: Section, indent: str) -> list[str]:
    lines: list[str] = []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, tuple) and len(value) == 1 and isinstance(value[0], Section):
            (value,) = value  # a list of one may be written as that one
        about = field.description or (type(value).__doc__ or "" if isinstance(value, Section) else "")
        lines += _comment(about, indent)
        if isinstance(value, Section):
            lines += [f"{indent}{name}:", *_section(value, indent + "  ")]
        elif value is None:
            lines.append(f"{indent}# {name}:")
        else:
            lines += _value(name, value, indent)
        if not indent:
            lines.append("")
    return lines


def _comment(text: str, indent: str) -> list[str]:
    first = text.strip().split("\n\n")[0]
    return textwrap.wrap(" ".join(first.split()), WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


def _value(name: str, value: Any, indent: str) -> list[str]:
    style = None if isinstance(value, dict | list) else False  # None: innermost collections on one line
    dumped = yaml.safe_dump(
        {name: _plain(value)}, sort_keys=False, allow_unicode=True, width=WIDTH, default_flow_style=style
    )
    return [indent + line for line in dumped.rstrip("\n").split("\n")]


def _plain(value: Any) -> Any:
    """Sections become mappings; shares are rounded to what a person reads."""
    if isinstance(value, Section):
        return value.model_dump(exclude_none=True)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, float):
        return int(value) if value.is_integer() else round(value, 6)
    return value
