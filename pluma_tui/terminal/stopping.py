"""Ctrl+z: back to the shell, and forth again."""

import os


def has_shell() -> bool:
    """Whether somebody is there who can wake us again: a parent of the same session, outside our group.

    Started without a shell, as by `tmux new-window pluma`, a stopped program would never come back.
    """
    parent = os.getppid()
    try:
        return os.getsid(parent) == os.getsid(0) and os.getpgid(parent) != os.getpgrp()
    except OSError:
        return False
