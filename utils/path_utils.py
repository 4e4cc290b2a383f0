"""Where each artifact of an experiment lives.

::

    Experiments/2Bar/<name>/train/sample_iteration_00050.png   piano rolls, real beside generated
                            sample/iteration-50.mid            the same samples to listen to
                            preload/checkpoint-000050/         networks, optimizers, history
                            eval/                              what the trained generator makes
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT_DIR = Path("Experiments")
MODEL_DIR = ROOT_DIR / "2Bar"
PRETRAINED_DIR = Path("pretrained")


def experiment_dirs(name, model_dir=MODEL_DIR):
    """Name the folders of one experiment and create them.

    Parameters
    ----------
    name : str
        Of the experiment.
    model_dir : str or Path

    Returns
    -------
    dict of str to Path
        ``train`` (pictures), ``preload`` (checkpoints), ``sample`` and ``eval`` (MIDI).
    """
    dirs = {kind: Path(model_dir) / name / kind for kind in ("train", "preload", "sample", "eval")}
    for path in dirs.values():
        path.mkdir(parents=True, exist_ok=True)
    return dirs


def generated_midi_path_for_iteration(iteration, saveto_dir=None):
    """Name the MIDI file of the samples at one iteration, as a str."""
    return str(Path(saveto_dir or ".") / f"iteration-{iteration}.mid")


def pianoroll_path_for_iteration(iteration, saveto_dir=None):
    """Name the picture of the samples at one iteration, as a str."""
    return str(Path(saveto_dir or ".") / f"sample_iteration_{iteration:05d}.png")


def write_whole(path, write):
    """Let ``write(name)`` write aside, then rename, so that nobody ever meets half a file.

    Parameters
    ----------
    path : str or Path
        Its folder is made if need be.
    write : callable
        Gets the name, a str with the same ending, that it is to write to.

    Returns
    -------
    Path
        ``path``, now whole. If ``write`` fails, what stood there before stays.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        write(str(aside))
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return path
