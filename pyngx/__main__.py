"""`python -m pyngx`, and the console script."""

import sys


def main() -> int:
    # First of all, before anything can open a file or say a word.
    from pyngx.process.stdio import ensure_stdio  # noqa: PLC0415

    ensure_stdio()
    from pyngx.cli.main import run  # noqa: PLC0415

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
