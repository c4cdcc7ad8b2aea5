"""The command itself, on the shortest round there is; skipped where its programs are not installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.machine import PACKAGES, installed
from benchmarks.servers import ROOT

needs_programs = pytest.mark.skipif(
    not all(installed(name) for name in PACKAGES), reason=f"needs {', '.join(PACKAGES)} on the PATH"
)


@needs_programs
def test_a_short_run_gives_a_table() -> None:
    words = ["--rounds", "1", "--seconds", "0.2", "--only", "get,websocket"]
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words], cwd=ROOT, capture_output=True, text=True, timeout=50, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "| small GET, 64 connections" in run.stdout
    assert "| WebSocket echo, 64 connections" in run.stdout


def test_what_is_missing_is_said(tmp_path: object) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks"],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert run.returncode == 1
    assert "apt-get install nginx wrk" in run.stderr
