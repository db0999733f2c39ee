"""The gates that a spec names, built: Pairsmith's own and those of a user. And which files decide their verdicts."""

import importlib
import importlib.metadata
import sys
import unicodedata
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from pairsmith.factory.errors import SpecError
from pairsmith.factory.folder import file_digest
from pairsmith.factory.spec import CustomGateSpec, GatesSpec
from pairsmith.validators.contamination import ContaminationGate
from pairsmith.validators.duplicates import DuplicatesGate
from pairsmith.validators.format import FormatGate
from pairsmith.validators.gate import Gate
from pairsmith.validators.language import LanguageGate
from pairsmith.validators.leakage import LeakageGate
from pairsmith.validators.length import LengthGate
from pairsmith.validators.privacy import PrivacyGate
from pairsmith.validators.released import release_digests
from pairsmith.validators.sketch import FORMAT
from pairsmith.validators.tokens import HASHING

DECISIVE = ("datasketch", "fasttext", "numpy", "pyarrow", "pycld2", "regex")
"""Packages with another version of which a text may get another verdict."""


def build_gates(spec: GatesSpec, folder: Path) -> list[Gate]:
    """The gates that the spec names, in the order of the line. Files and a user's modules are looked for in ``folder``."""
    gates: list[Gate] = []
    if spec.format.enabled:
        gates.append(FormatGate(spec.format))
    if spec.length.enabled:
        gates.append(LengthGate(spec.length))
    if spec.language.enabled:
        gates.append(LanguageGate(spec.language))
    if spec.leakage.enabled:
        gates.append(LeakageGate(spec.leakage))
    if spec.privacy.enabled:
        gates.append(PrivacyGate(spec.privacy))
    if spec.contamination.enabled:
        gates.append(ContaminationGate(spec.contamination, folder))
    if spec.duplicates.enabled:
        gates.append(DuplicatesGate(spec.duplicates, folder))
    gates += [_custom(custom, folder) for custom in spec.custom]
    names = [gate.name for gate in gates]
    for name in names:
        if names.count(name) > 1:
            raise SpecError(f"gates.custom: two gates are named '{name}'; give yours a name of its own")
    return gates


def sources(spec: GatesSpec, folder: Path) -> dict[str, str]:
    """Digests of the files that decide verdicts beside the spec: evaluation sets, releases, modules of a user's own gates."""
    evaluation = spec.contamination.evaluation if spec.contamination.enabled else []
    files = {name: folder / name for name in evaluation}
    for custom in spec.custom:
        files |= {
            f"{custom.use} {path.name} {number}": path for number, path in enumerate(_module_files(custom, folder))
        }
    released = release_digests(spec.duplicates.against, folder) if spec.duplicates.enabled else {}
    return {name: file_digest(path) for name, path in files.items() if path.is_file()} | released


def versions() -> dict[str, Any]:
    """Versions of all else that decides verdicts: packages that read texts, Unicode, and the form of what is noted of rows."""
    packages = {name: importlib.metadata.version(name) for name in DECISIVE}
    return {**packages, "unicode": unicodedata.unidata_version, "hashing": HASHING, "sketch": FORMAT}


def _module_files(spec: CustomGateSpec, folder: Path) -> list[Path]:
    """The files of a user's gate: in the run folder its whole package, elsewhere the named module and its packages."""
    names = spec.use.partition(":")[0].split(".")
    found = PathFinder.find_spec(names[0], [str(folder.resolve()), *sys.path])
    if found is None:
        return []
    roots = [Path(root) for root in found.submodule_search_locations or ()]
    files = [Path(found.origin)] if found.origin else []
    for root in roots:
        if root.resolve().is_relative_to(folder.resolve()):
            files += sorted(root.rglob("*.py"))
        module = root.joinpath(*names[1:])
        files += [module.with_suffix(".py"), module / "__init__.py"] if names[1:] else []
    return files


def _custom(spec: CustomGateSpec, folder: Path) -> Gate:
    """Load a user's gate. Their code may fail in any way: whatever it raises becomes one line that names the gate."""
    module, _, attribute = spec.use.partition(":")
    sys.path.insert(0, str(folder.resolve()))
    try:
        gate: Gate = getattr(importlib.import_module(module), attribute)(**spec.options)
        if gate.scope not in ("row", "kept", "corpus") or not gate.name or not callable(gate.judge):
            raise TypeError("a gate has a name, a scope 'row', 'kept' or 'corpus', and a method judge(rows)")
    except Exception as error:
        raise SpecError(
            f"gates.custom: '{spec.use}' can't be loaded ({type(error).__name__}: {error}); it is looked for in {folder} "
            "and among the installed packages, as 'module:attribute'"
        ) from error
    finally:
        sys.path.pop(0)
    return gate
