import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROBE = """
import os, sys
from pyngx.process.stdio import ensure_stdio
ensure_stdio()
for fd in (0, 1, 2):
    os.fstat(fd)
file = open(sys.argv[1], "w")
sys.stderr.write("to nobody or stderr")
print("to nobody or stdout", flush=True)
sys.stdin.read()
file.write(f"{file.fileno() > 2} {[os.get_inheritable(fd) for fd in (0, 1, 2)]}")
"""


@pytest.mark.parametrize("closed", ["2>&-", "0<&-", "1>&-", "0<&- 1>&- 2>&-", "</dev/null"])
def test_closed_descriptors_become_dev_null(closed: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("stdio") / "out"
    shell = f'exec "$0" -c "$1" "$2" {closed}'
    subprocess.run(["sh", "-c", shell, sys.executable, PROBE, path], cwd=ROOT, timeout=20, check=True, input=b"")
    assert path.read_text() == "True [True, True, True]"
