"""What runs in the child: llama.cpp's own server, for as long as its parent lives.

Settings come as one line of JSON on stdin (no key is ever in an argument list or in the environment),
the address goes out as one line on stdout. Then stdin stays open, and its end is the end of the server:
so the parent may vanish in any way. Linux is asked for a signal besides, since loading a model holds
the interpreter's lock, and with it the thread that watches stdin.
"""

import ctypes
import json
import os
import signal
import sys
import threading
import time
from typing import Any, BinaryIO

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_SLOTS = 4  # answers at a time; they share one context, as in llama.cpp's own default
_PROMPT_CACHE = 256  # MiB of memory for conversations that are not being answered; its default is 8 GiB
_PENALTY = 1.1  # for repeating: without it a small model says the same sentence until the context is full
_WARNINGS = 2  # of llama.cpp's levels: 1 errors, 2 warnings, 3 information


def main() -> None:
    """Serve until stdin ends or the parent does."""
    settings = json.loads(sys.stdin.buffer.readline())
    _die_with(settings["parent"])
    answers = _own_stdout()
    watch = threading.Thread(target=_until_stdin_ends, daemon=True)
    watch.start()
    server = _serve(settings)
    answers.write(json.dumps({"url": server.listening_address}).encode() + b"\n")
    answers.flush()
    watch.join()


def _serve(settings: dict[str, Any]) -> Any:
    """Load the model and listen; returns when it can be asked."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = settings["model"]
    params.model_alias = {settings["name"]}
    params.n_ctx = settings["context"]
    params.n_parallel = _SLOTS
    params.kv_unified = True
    params.cache_ram_mib = _PROMPT_CACHE
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings["threads"]
    if settings["gpu_layers"] is not None:
        params.n_gpu_layers = settings["gpu_layers"]
    params.sampling.penalty_repeat = _PENALTY
    params.hostnames = ["127.0.0.1"]
    params.port = 0  # the kernel's choice
    params.api_keys = [settings["key"]]
    params.offline = True
    params.ui = False
    params.use_jinja = True
    params.reasoning_format = xllamacpp.common_reasoning_format.COMMON_REASONING_FORMAT_AUTO
    params.verbosity = _WARNINGS
    try:
        return xllamacpp.Server(params)
    except RuntimeError:
        _let_log_be_written()
        raise


def _let_log_be_written() -> None:
    """llama.cpp writes its log from a thread of its own, and only there stands what was wrong."""
    until = time.monotonic() + 1.0
    while not os.fstat(2).st_size and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.05)  # for the lines that follow the first one


def _die_with(parent: int) -> None:
    """Have the kernel end this process with its parent, where it can."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before it could be watched
        os._exit(0)


def _own_stdout() -> BinaryIO:
    """The pipe to the parent for ourselves; what a library prints from now on goes to the log."""
    ours = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return ours


def _until_stdin_ends() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
