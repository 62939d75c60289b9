"""Run by path with the interpreter's -I: ties the process to its parent's life, then becomes the command.

    launch.py SIGNAL PARENT UID GID -- ARGV...

The kernel sends SIGNAL when PARENT is gone, also after a kill -9. This is a program and not a preexec_fn, since code
between fork and exec may deadlock in a process with threads. Standard library only: it stands before every start.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(argv: list[str]) -> None:
    signal, parent, uid, gid = (int(item) for item in argv[1:5])
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After setuid, which clears it.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0)
    if os.getppid() != parent:  # the parent went before the kernel was told
        sys.exit(1)
    command = argv[6:]
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is what is meant
    except OSError as error:
        sys.exit(f"cannot start {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv)
