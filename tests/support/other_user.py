"""Another user of this machine, who tries what a test has him try."""

import os
import subprocess
import sys

import pytest

NOBODY = 65534
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")


def tries(script: str) -> str:
    """Run a script as another user; what it printed.

    Args:
        script: of Python; its imports happen before the user changes, since ours may not read the interpreter's files.
    """
    imports = "\n".join(line for line in script.splitlines() if line.startswith(("import ", "from ")))
    become = f"import os\nos.setgroups([])\nos.setgid({NOBODY})\nos.setuid({NOBODY})"
    command = [sys.executable, "-c", f"{imports}\n{become}\n{script}"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()
