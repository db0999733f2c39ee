"""The house: which room may know which, and that help needs none of the heavy packages."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_KNOW = {
    "factory": {"factory"},
    "validators": {"validators", "factory"},
    "curation": {"curation", "validators", "factory"},
    "trainer": {"trainer", "factory"},
    "cards": {"cards"},
}
HEAVY = {
    "argilla",
    "datasets",
    "fasttext",
    "huggingface_hub",
    "jinja2",
    "numpy",
    "openai",
    "pyarrow",
    "pycld2",
    "torch",
}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("room", MAY_KNOW)
def test_imports_run_one_way(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        rooms = {name.split(".")[1] for name in imported(path) if name.startswith("pairsmith.")}
        assert rooms & MAY_KNOW.keys() <= MAY_KNOW[room], f"{path} knows {rooms - MAY_KNOW[room]}"
        assert not rooms - MAY_KNOW.keys(), f"{path} knows the command line's own modules {rooms - MAY_KNOW.keys()}"


def test_help_loads_no_heavy_package() -> None:
    code = (
        "import sys; from pairsmith import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stderr.split()}
    assert not loaded & HEAVY
    assert "pydantic" not in loaded


def test_every_module_says_what_it_is_for() -> None:
    for room in (*MAY_KNOW, "pairsmith"):
        for path in (ROOT / room).rglob("*.py"):
            assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{path} has no docstring"
