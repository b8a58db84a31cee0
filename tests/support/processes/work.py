"""Modules' work in the tests of the fork server: `python -m work WHAT ...`."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

VERSION = "old"


def main() -> None:
    """Do what the first argument says."""
    what, *rest = sys.argv[1:]
    if what == "end":
        sys.exit(int(rest[0]))
    elif what == "die":
        os.kill(os.getpid(), int(rest[0]))
    elif what == "raise":
        raise ValueError("as asked")
    elif what == "show":
        told: dict[str, object] = {"umask": os.umask(0)}
        told |= {"folder": str(Path.cwd()), "arguments": sys.argv[1:], "environment": dict(os.environ)}
        told |= {"input": sys.stdin.read(), "name": Path("/proc/self/comm").read_text().strip()}
        sys.stdout.write(json.dumps(told))
    elif what == "version":
        sys.stdout.write(VERSION + "\n")
    elif what == "stay":
        # until a file is there; the first argument gets the ids of this process and of one that it started
        note, until = map(Path, rest)
        with subprocess.Popen(["sleep", "300"]) as child:

            def stop(*_: object) -> None:
                child.kill()
                sys.exit(7)

            signal.signal(signal.SIGTERM, stop)
            note.with_suffix(".new").write_text(f"{os.getpid()} {child.pid}")
            note.with_suffix(".new").rename(note)
            while not until.exists():
                time.sleep(0.02)
            child.kill()
        sys.exit(5)


if __name__ == "__main__":
    main()
