import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyngx.process.signal_sending import SIGNALS, send_signal


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    # What the tests were started to ignore, as by nohup, the new process would ignore as well.
    before = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS.values()}
    sleeper = subprocess.Popen(["sleep", "20"])
    for number, handler in before.items():
        signal.signal(number, handler)
    yield sleeper
    sleeper.kill()
    sleeper.wait()


@pytest.mark.parametrize("name", sorted(SIGNALS))
def test_the_signal_reaches_the_process_of_the_pid_file(
    name: str, process: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    path = tmp_path / "pyngx.pid"
    path.write_text(f"{process.pid}\n")
    assert send_signal(name, str(path)) is None
    assert process.wait(10) == -SIGNALS[name]


@pytest.mark.parametrize("text", [None, "abc\n", "", "12a", "-5", "0", "99999999999999999999"])
def test_errors_are_told_in_the_words_of_nginx(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "nginx.pid"
    if text is None:
        expected = f'[error] open() "{path}" failed (2: No such file or directory)'
    else:
        path.write_text(text)
        expected = f'[error] invalid PID number "{text.strip()}" in "{path}"'
    assert send_signal("stop", str(path)) == expected


def test_a_process_that_is_gone_is_told(tmp_path: Path) -> None:
    path = tmp_path / "nginx.pid"
    gone = subprocess.Popen(["true"])
    gone.wait()
    path.write_text(str(gone.pid))
    assert send_signal("reload", str(path)) == f"[alert] kill({gone.pid}, 1) failed (3: No such process)"


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
@pytest.mark.parametrize("text", [None, "abc\n", ""])
def test_nginx_says_the_same(text: str | None, tmp_path: Path) -> None:
    path, conf = tmp_path / "nginx.pid", tmp_path / "nginx.conf"
    conf.write_text(f"pid {path}; error_log {tmp_path}/e.log; events {{ }}\n")
    if text is not None:
        path.write_text(text)
    command = ["nginx", "-p", str(tmp_path), "-e", f"{tmp_path}/e.log", "-c", str(conf), "-s", "stop"]
    nginx = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (nginx.returncode, nginx.stderr) == (1, f"nginx: {send_signal('stop', str(path))}\n")


def test_names_mean_the_signals_of_nginx() -> None:
    assert SIGNALS == {
        "stop": signal.SIGTERM,
        "quit": signal.SIGQUIT,
        "reload": signal.SIGHUP,
        "reopen": signal.SIGUSR1,
    }
