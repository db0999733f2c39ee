"""A process that judges parts. It is told on its input which, in lines of JSON, and says on its output what came of each.

The first line says what the gates are built from. Where the input ends, the one who asked is gone, and the worker goes too.
"""

import json
import os
import sys
import threading
import traceback
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO

import pyarrow as pa

from pairsmith.factory.errors import PairsmithError
from pairsmith.factory.spec import GatesSpec
from pairsmith.validators.build import build_gates
from pairsmith.validators.gate import Gate
from pairsmith.validators.parts import Part, judge_part
from pairsmith.validators.pool import OUT_OF_MEMORY


def main() -> None:
    """Judge what is asked for until the input ends."""
    lines: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, lines), daemon=True).start()
    output = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a user's gate prints is for people
    pa.set_cpu_count(1)  # the other cores have workers of their own
    told = json.loads(lines.get())
    gates: list[Gate] | None = None
    while True:
        asked = json.loads(lines.get())
        part = Part(Path(asked["folder"]), asked["rows"])
        try:
            if gates is None:
                sys.path[:] = told["path"]
                gates = build_gates(GatesSpec(**told["gates"]), Path(told["folder"]))
            judge_part(gates, part)
            said = {}
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        except (PairsmithError, OSError, pa.ArrowException) as error:
            known = isinstance(error, PairsmithError)
            said = {"error": str(error), "kind": type(error).__name__ if known else PairsmithError.__name__}
        except Exception:
            said = {"error": traceback.format_exc(), "kind": ""}
        output.write(json.dumps(said).encode() + b"\n")


def _listen(source: BinaryIO, lines: "SimpleQueue[bytes]") -> None:
    """Hand on each line as it comes; at the end of the input end the process, whatever it is doing."""
    for line in source:
        lines.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
