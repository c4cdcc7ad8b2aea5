"""`pyngx -s stop|quit|reload|reopen`: the signal for a running process that is known by its pid file."""

import os
import re
import signal

SIGNALS = {
    "stop": signal.SIGTERM,
    "quit": signal.SIGQUIT,
    "reload": signal.SIGHUP,
    "reopen": signal.SIGUSR1,
}

# As much as nginx reads: more can't be a number of a process.
_LONGEST = 22


def send_signal(name: str, pid_path: str) -> str | None:
    """What went wrong, in nginx's words, or None. `name` is one of SIGNALS."""
    try:
        with open(pid_path, "rb") as file:
            text = file.read(_LONGEST).rstrip(b"\r\n").decode("utf-8", "backslashreplace")
    except OSError as error:
        return f'[error] open() "{pid_path}" failed ({_errno_text(error)})'
    # Zero would be a signal to the whole process group.
    if not re.fullmatch("0*[1-9][0-9]*", text, re.ASCII):
        return f'[error] invalid PID number "{text}" in "{pid_path}"'
    try:
        os.kill(int(text), SIGNALS[name])
    except OverflowError:
        return f'[error] invalid PID number "{text}" in "{pid_path}"'
    except OSError as error:
        return f"[alert] kill({int(text)}, {SIGNALS[name].value}) failed ({_errno_text(error)})"
    return None


def _errno_text(error: OSError) -> str:
    return f"{error.errno}: {error.strerror}"
