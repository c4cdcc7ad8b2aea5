"""Coverage-guided fuzzing: `python -m tests.hostile.fuzz request_heads -max_total_time=60`.

Needs atheris, which isn't among the dependencies; what comes after the target's name is libFuzzer's. What it finds
becomes a plain case in a table.
"""

from __future__ import annotations

import importlib
import sys

from tests.hostile.fuzz.targets import TARGETS


def main() -> None:
    atheris = importlib.import_module("atheris")
    name, *options = sys.argv[1:]
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], *options], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
