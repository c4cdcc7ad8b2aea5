import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=50, check=False)


def test_the_units_are_right_without_a_word() -> None:
    # It exits with 0 on unknown keys, so what it says is what counts.
    done = analyze("verify", str(UNITS / "pyngx.service"), str(UNITS / "pyngx.socket"))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_service_is_hardly_exposed() -> None:
    done = analyze("security", "--offline=true", "--no-pager", str(UNITS / "pyngx.service"))
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze can't look at files")
    found = re.search(r"Overall exposure level for pyngx.service: ([0-9.]+)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= 1.6
