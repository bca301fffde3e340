"""Runs llama.cpp's own server: ``python llamacpp_child.py MODEL SETTINGS``, settings as JSON.

Prints its address once it answers, and is gone as soon as its standard input is closed, so that no server
outlives the tests, however they end.
"""

import json
import os
import sys

import xllamacpp


def main(model: str, settings: dict) -> None:
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {"micro"}
    params.n_ctx = settings["context"]
    params.n_parallel = settings["slots"]
    # Two threads on a busy machine with two cores get in each other's way.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.sampling.temp = 0.0  # the script is followed to the letter, with no chance in it
    params.use_jinja = True
    params.offline = True
    params.endpoint_slots = True
    params.api_keys = settings["keys"]
    params.sse_ping_interval = settings["ping"]
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()
    os._exit(0)


main(sys.argv[1], json.loads(sys.argv[2]))
