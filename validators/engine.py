"""Runs gates over the rows of a run. The same rows get the same verdicts from every engine.

Row gates judge every parsed row, with no short cut, so that their rates are independent of each other; a corpus gate looks
at what all row gates and the corpus gates before it kept, so that no row that is lost anyway survives for its twins.
"""

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from pairsmith.factory.errors import PairsmithError, SpecError
from pairsmith.factory.folder import file_digest
from pairsmith.factory.records import PAIRS, VERDICTS
from pairsmith.factory.spec import CustomGateSpec, GatesSpec
from pairsmith.validators.contamination import ContaminationGate
from pairsmith.validators.duplicates import DuplicatesGate
from pairsmith.validators.format import FormatGate
from pairsmith.validators.gate import Gate, Verdict
from pairsmith.validators.language import LanguageGate
from pairsmith.validators.leakage import LeakageGate
from pairsmith.validators.length import LengthGate
from pairsmith.validators.privacy import PrivacyGate
from pairsmith.validators.released import release_digests

Progress = Callable[[str, int], object]  # gate's name, rows judged by it since the last call


class Engine(Protocol):
    """Where gates run: in this process, over the machine's cores, or on a cluster."""

    def judge(self, gates: Sequence[Gate], batches: Iterable[pa.Table], progress: Progress) -> Iterator[pa.Table]:
        """Verdicts (schema VERDICTS) of all ``gates`` on all rows (batches of schema PAIRS), in pieces."""
        ...


class LocalEngine:
    """In this process, batch by batch."""

    def judge(self, gates: Sequence[Gate], batches: Iterable[pa.Table], progress: Progress) -> Iterator[pa.Table]:
        """See :class:`Engine`. Rows that the row gates keep stay in memory for the corpus gates."""
        row_gates = [gate for gate in gates if gate.scope == "row"]
        kept: list[pa.Table] = [PAIRS.empty_table()]
        for rows in batches:
            tables = [VERDICTS.empty_table()]
            for gate in row_gates:
                tables.append(_judged(gate, rows))
                progress(gate.name, rows.num_rows)
            verdicts = pa.concat_tables(tables)
            yield verdicts
            kept.append(without(rows, dropped_ids(verdicts)))
        corpus = pa.concat_tables(kept)
        for gate in gates:
            if gate.scope == "corpus":
                verdicts = _judged(gate, corpus)
                yield verdicts
                progress(gate.name, corpus.num_rows)
                corpus = without(corpus, dropped_ids(verdicts))


def dropped_ids(verdicts: pa.Table) -> pa.Array:
    """Ids of rows that at least one verdict drops, each once."""
    return pc.unique(verdicts.filter(pc.equal(verdicts["verdict"], Verdict.DROP.value))["id"])


def without(rows: pa.Table, ids: pa.Array) -> pa.Table:
    """The rows whose id is not among ``ids``."""
    return rows.filter(pc.invert(pc.is_in(rows["id"], value_set=ids)))


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
        if gate.scope not in ("row", "corpus") or not gate.name or not callable(gate.judge):
            raise TypeError("a gate has a name, a scope 'row' or 'corpus', and a method judge(rows)")
    except Exception as error:
        raise SpecError(
            f"gates.custom: '{spec.use}' can't be loaded ({type(error).__name__}: {error}); it is looked for in {folder} "
            "and among the installed packages, as 'module:attribute'"
        ) from error
    finally:
        sys.path.pop(0)
    return gate


def _judged(gate: Gate, rows: pa.Table) -> pa.Table:
    """The gate's verdicts, checked: nothing may disappear in a gate, nor come from nowhere."""
    try:
        verdicts = gate.judge(rows).cast(VERDICTS)
    except PairsmithError:
        raise
    except (pa.ArrowInvalid, ValueError, TypeError) as error:
        raise PairsmithError(
            f"gate '{gate.name}': failed on {rows.num_rows} rows ({type(error).__name__}: {error})"
        ) from error
    known = {verdict.value for verdict in Verdict}
    odd = set(pc.unique(verdicts["verdict"]).to_pylist()) - known
    if odd:
        raise PairsmithError(f"gate '{gate.name}': says {sorted(map(str, odd))}; a verdict is one of {sorted(known)}")
    judged, given = set(verdicts["id"].to_pylist()), set(rows["id"].to_pylist())
    if judged != given:
        row = min(judged ^ given)
        said = "gives no verdict on" if row in given else "gives a verdict on the unknown"
        raise PairsmithError(f"gate '{gate.name}': {said} row '{row}'; every row needs a line")
    return verdicts
