"""Run the whole lesson without opening it: ``python -m utils.run_notebook --preset tour``."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from .lesson.execution import (
    environment,
    run_notebook,
    termination,
    worker_environment,
    write_sounds,
)
from .lesson.page import write_page
from .path_utils import DATASET_DIR, MODEL_DIR, ROOT_DIR


def main(arguments=None):
    """Parse the command line, run the lesson, and say where everything is.

    Returns
    -------
    int
        0, or 143 or 130 if the process was told to end. Any other failure is an exception.
    """
    parser = argparse.ArgumentParser(prog="python -m utils.run_notebook", description=__doc__)
    parser.add_argument("--preset", default="tour", help="smoke, tour (default), classic or best")
    parser.add_argument("--iterations", type=int, help="train for so many instead of the preset's")
    parser.add_argument("--data", help="train on this file or folder of shards instead of the preset's")
    parser.add_argument("--valid", help="watch and judge by this file instead of the preset's")
    parser.add_argument("--output", type=Path, default=ROOT_DIR / "notebook.ipynb")
    parser.add_argument("--job", action="store_true", help="print lines, as a log, instead of a bar")
    parser.add_argument("--tensorboard", type=Path, help="write events for TensorBoard into this folder")
    options = parser.parse_args(arguments)
    if options.data:
        from .training.batches import check_alike

        check_alike(options.data, options.valid or DATASET_DIR / "valid.npy")
    started = time.time()
    parameters = {name.upper(): getattr(options, name) for name in ("preset", "iterations", "data", "valid")}
    board = {"TENSORBOARD_DIR": str(options.tensorboard.absolute())} if options.tensorboard else {}
    with termination() as told, environment(**board, **worker_environment()):
        try:
            executed = run_notebook(options.output, parameters, lines=options.job)
        except Exception:
            if not told():
                raise
    if told():
        return told()
    page = write_page(executed, options.output.with_suffix(".html"))
    sounds = write_sounds(MODEL_DIR, started)
    print(f"\nDone in {(time.time() - started) / 60:.1f} minutes.")
    print(f"The executed page:  {page}")
    print(f"The same notebook:  {options.output}")
    for sound in sounds:
        print(f"Listen:             {sound}  (MIDI beside it: {sound.with_suffix('.mid').name})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
