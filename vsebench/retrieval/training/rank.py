"""The process of a rank that does not lead: `python -m vsebench.retrieval.training.rank RUN_DIR
RANK SIZE PORT`, with the run spec as the first line of standard input.

On standard output it says when it is about to join the others and, as a JSON string, why it failed.
What it prints goes to standard error, the run's log. It ends when its standard input does.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import cast

import torch

from vsebench.results.folder.directory import RunDirectory
from vsebench.results.folder.process import die_with_parent
from vsebench.results.spec import RunSpec, read_spec
from vsebench.retrieval.parallel.group import Group, found_store
from vsebench.retrieval.parallel.leading import READY
from vsebench.retrieval.training.train import follow

_FAILED = 1


def main() -> None:
    """Takes part in the run that the command line and standard input name."""
    die_with_parent()
    said = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    directory = RunDirectory(Path(sys.argv[1]))
    rank, size, port = map(int, sys.argv[2:])
    spec = cast("RunSpec", read_spec(sys.stdin.buffer.readline()))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        if spec.device == "cuda":
            torch.cuda.set_device(rank)
        device = torch.device("cuda", rank) if spec.device == "cuda" else torch.device("cpu")
        store = found_store(size, port)
        said.write(READY)
        group = Group(rank, size, store, device)
        follow(spec, directory, group)
        group.close()
    except BaseException as error:  # whatever a plugin raises
        traceback.print_exc()
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        said.write(json.dumps(reason).encode() + b"\n")
        sys.stderr.flush()
        os._exit(_FAILED)


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 65_536):
        pass
    os._exit(_FAILED)


if __name__ == "__main__":
    main()
