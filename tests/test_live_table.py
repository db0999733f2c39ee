"""The live table, as a person at a real terminal sees it, and what stands in its place where there is no terminal."""

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from endpoint import Endpoint, Received, Reply
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pairsmith.factory.generate import Progress
from pairsmith.factory.journal import Journal
from pairsmith.factory.pool import Tally
from pairsmith.live import COLUMNS, Board, line, table

ON_A_TERMINAL = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from pairsmith.cli import main
sys.exit(main())
"""
TABLE = re.compile(r"group +" + " +".join(COLUMNS) + r" *\n(.*?\nall [^\n]*)", re.DOTALL)


class Terminal:
    """``pairsmith ARGUMENTS`` on a pseudo-terminal of its own; ``seen``: all that it wrote, without colours and moves."""

    def __init__(self, *arguments: object, columns: int = 100) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-c", ON_A_TERMINAL, *map(str, arguments)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color"},
        )
        os.close(slave)
        self._raw = b""

    @property
    def seen(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._raw.decode(errors="replace")).replace("\r", "")

    def press(self, key: bytes) -> None:
        os.write(self._master, key)

    def until(self, pattern: str, seconds: float = 60.0) -> str:
        """Read until ``pattern`` was seen, or the end; returns all that was."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.seen):
            assert time.monotonic() < end, self.seen[-2000:]
            if select.select([self._master], [], [], 0.1)[0]:
                try:
                    self._raw += os.read(self._master, 65536)
                except OSError:  # the other side is closed
                    break
        return self.seen

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


def rows(screen: str) -> dict[str, list[int]]:
    """Asked, answered, failed, accepted, rejected by group, of the last table on the screen."""
    lines = TABLE.findall(screen)[-1].splitlines()
    cells = {one.split()[0]: one.split()[1:6] for one in lines}
    return {name: [0 if cell == "–" else int(cell.replace(",", "")) for cell in row] for name, row in cells.items()}


def spec(folder: Path, server: Endpoint, size: int) -> None:
    model = {"base_url": server.base_url, "model": "m", "concurrency": 8}
    text = {
        "size": size,
        "groups": {"sts": 2, "short_short": 1},
        "languages": {"en": 1},
        "models": {"brainstorm": model, "generate": model},
        "prices": {"m": {"input": 1.0, "output": 2.0}},
    }
    folder.mkdir(exist_ok=True)
    (folder / "factory.yml").write_text(json.dumps(text))


def test_a_person_sees_a_table_by_group_that_adds_up_and_ctrl_c_waits_for_what_is_paid(tmp_path: Path) -> None:
    with Endpoint(answers="json", latency=0.7) as server:
        spec(tmp_path / "run", server, 600)
        with Terminal("generate", tmp_path / "run") as terminal:
            terminal.until(rf"(?s)generate, round 1\n{TABLE.pattern}")
            terminal.press(b"\x03")
            seen = terminal.until(r"go on with '.*'\n")
            assert terminal.process.wait(30) == 130
        paid = server.stats()["answered"]
    shown = rows(seen)
    assert shown["all"] == [
        sum(column) for column in zip(*(row for name, row in shown.items() if name != "all"), strict=True)
    ]
    assert set(shown) == {"sts", "short_short", "all"} and shown["all"][0] == 600
    assert re.search(r"\nstopping: waits for \d+ requests? that are paid; Ctrl-C again leaves at once\n?", seen)
    assert f"pairsmith: stopped; go on with 'pairsmith generate {tmp_path / 'run'}'" in seen
    with Journal(tmp_path / "run" / "journal.sqlite") as journal:
        stored = journal.counts("generate")["answered"] + journal.counts("brainstorm")["answered"]
    assert stored == paid, "what was in flight is stored"


def test_the_second_ctrl_c_leaves_at_once_and_keeps_what_came(tmp_path: Path) -> None:
    def script(number: int, request: Received) -> Reply:
        return Reply(delay=0 if number < 2 else 60)

    with Endpoint(script, answers="json") as server:
        spec(tmp_path / "run", server, 300)
        with Terminal("generate", tmp_path / "run") as terminal:
            terminal.until(r"all +\d+ +2 ")
            terminal.press(b"\x03")
            terminal.until("stopping: waits for")
            terminal.press(b"\x03")
            terminal.until(r"go on with '.*'\n")
            assert terminal.process.wait(30) == 130
        assert server.stats()["answered"] == 2, "nothing else was waited for"
    with Journal(tmp_path / "run" / "journal.sqlite") as journal:
        assert journal.counts("brainstorm")["answered"] == 2


def test_recorded_answers_that_come_at_once_show_nothing(tmp_path: Path) -> None:
    (tmp_path / "factory.yml").write_text(
        "requests: r.jsonl\nmodels: {generate: {provider: recorded, answers: c.jsonl}}\n"
    )
    (tmp_path / "r.jsonl").write_text(json.dumps({"id": "a", "group": "sts", "language": "en"}))
    (tmp_path / "c.jsonl").write_text(json.dumps({"id": "a", "completion": "no"}))
    with Terminal("generate", tmp_path) as terminal:
        seen = terminal.until("(?!)")
    assert seen == "asked 1 = answered 1 + failed 0 + pending 0\n"


# --------------------------------------------------------------------------------------------------- one state at a time


def state(asked: dict[str, int], groups: dict[str, Tally], **more: object) -> Progress:
    given = {"in_flight": 1, "waiting": 0, "rate": 2.0, "tokens": 0.0, "usd": 0.0, "seconds_left": 61.0}
    given |= {"stopping": False, "says": []}
    return Progress(step="generate", asked=asked, groups=groups, **given | more)  # type: ignore[arg-type]


def drawn(shown: Progress, judged: dict[str, dict[str, int]] | None = None, priced: bool = True) -> str:
    console = Console(width=100, color_system=None)
    with console.capture() as capture:
        console.print(table("generate, round 1", shown, judged or {}, priced))
    return re.sub(r" +\n", "\n", capture.get()) + "\n"


numbers = st.integers(0, 10**6)
groups = st.dictionaries(
    st.sampled_from(["short_long", "long_short", "sts", "bitext"]),
    st.tuples(numbers, numbers, numbers, numbers, numbers),
    min_size=1,
)


@given(groups)
def test_the_last_row_is_the_sum_of_the_others(numbers: dict[str, tuple[int, ...]]) -> None:
    asked = {name: row[0] for name, row in numbers.items()}
    tallies = {name: Tally(row[1], row[2]) for name, row in numbers.items()}
    judged = {name: {"accepted": row[3], "rejected": row[4]} for name, row in numbers.items()}
    shown = rows(drawn(state(asked, tallies), judged))
    assert {name: tuple(row) for name, row in shown.items() if name != "all"} == numbers
    assert shown["all"] == [sum(column) for column in zip(*numbers.values(), strict=True)]


def test_before_the_first_gating_nothing_is_judged_and_without_a_price_nothing_costs() -> None:
    text = drawn(state({"sts": 5}, {"sts": Tally(3, 1, 1_234_567, 0.0)}), priced=False)
    assert re.search(r"sts +5 +3 +1 +– +– +1.23M +–\n", text)
    assert re.search(r"all +5 +3 +1 +– +– +2.0 +1.23M +– +1:01\n", text)


def test_it_fits_eighty_columns_at_half_a_million_rows() -> None:
    one = {"short_short": Tally(499_999, 0, 1.8e8, 99.99)}
    with (console := Console(width=80, color_system=None)).capture() as capture:
        console.print(
            table("t", state({"short_short": 500_000}, one), {"short_short": {"accepted": 9, "rejected": 1}}, True)
        )
    assert "short_short 500,000  499,999" in capture.get() and "…" not in capture.get()


def test_nothing_from_outside_acts_on_the_terminal() -> None:
    hostile = "m[red]: \x1b[2J\x07 [/] [link=http://x]\nnext \u202e"
    shown = state({"sts": 1}, {"sts": Tally()}, says=[hostile])
    for text in (drawn(shown), line("generate", shown, True)):
        assert "\x1b" not in text and "\x07" not in text and "\u202e" not in text
        assert "m[red]: ␛[2J␇ [/] [link=http://x] next ⟨U+202E⟩" in text
    assert "\n" not in line("generate", shown, True)


def test_off_a_terminal_it_is_a_line_now_and_then_and_one_at_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pairsmith.live.LINE", 0.05)
    board = Board("generate, round 1", {}, True)
    board.show(state({"sts": 9}, {"sts": Tally(1)}))
    assert capsys.readouterr().err == "", "what ends soon says nothing"
    time.sleep(0.06)
    for answered in range(2, 9):
        board.show(state({"sts": 9}, {"sts": Tally(answered, 0, 20, 0.5)}, tokens=20.0, usd=0.5))
    first = (
        "generate, round 1: asked 9 = answered 2 + failed 0 + to come 7; 2.0 a second, 1:01 left; 20 tokens, $0.500\n"
    )
    assert capsys.readouterr().err == first
    board.show(state({"sts": 9}, {"sts": Tally(8)}, stopping=True))
    assert "stopping: waits for 1 request " in capsys.readouterr().err, "a stop is said at once"
    board.close()
    assert capsys.readouterr().err.startswith("generate, round 1: asked 9 = answered 8 + failed 0 + to come 1")


def test_a_terminal_that_is_gone_raises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pairsmith.live.LINE", 0.0)
    reader, writer = os.pipe()
    os.close(reader)
    monkeypatch.setattr("sys.stderr", os.fdopen(writer, "w", buffering=1))
    board = Board("generate", {}, True)
    for _ in range(3):
        board.show(state({"sts": 1}, {}))
    board.close()
    with pytest.raises(BrokenPipeError):
        sys.stderr.close()
