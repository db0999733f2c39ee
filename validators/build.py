"""The gates that a spec names, built: Pairsmith's own and those of a user. And which files decide their verdicts."""

import importlib
import sys
from importlib.machinery import PathFinder
from pathlib import Path

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
    names = [folder / name for name in spec.contamination.evaluation if spec.contamination.enabled]
    names += [path for custom in spec.custom if (path := _module_file(custom, folder))]
    released = release_digests(spec.duplicates.against, folder) if spec.duplicates.enabled else {}
    return {path.name: file_digest(path) for path in names if path.is_file()} | released


def _module_file(spec: CustomGateSpec, folder: Path) -> Path | None:
    found = PathFinder.find_spec(spec.use.partition(":")[0].partition(".")[0], [str(folder.resolve()), *sys.path])
    return Path(found.origin) if found and found.origin else None


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
