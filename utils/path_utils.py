"""Where each artifact of an experiment lives.

::

    Experiments/2Bar/<name>/train/sample_iteration_00050.png   piano rolls, real beside generated
                            sample/iteration-50.mid            the same samples to listen to
                            preload/checkpoint-000050/         networks, optimizers, history
                            eval/                              what the trained generator makes
"""

from __future__ import annotations

import json
import os
from pathlib import Path


def worker():
    """Tell which of the machines that train together this process is.

    Returns
    -------
    index, number : int
        As ``TF_CONFIG`` has it; 0 and 1 without one. Worker 0 is the chief, who alone writes what all share.
    """
    config = json.loads(os.environ.get("TF_CONFIG") or "{}")
    cluster, task = config.get("cluster", {}), config.get("task", {})
    tasks = [(job, i) for job in ("chief", "worker") for i in range(len(cluster.get(job, ())))]
    own = (task.get("type"), int(task.get("index", 0)))
    return (tasks.index(own), len(tasks)) if own in tasks else (0, 1)


# Where a job has to put its results, the variable says so.
_CHIEF_DIR = Path(os.environ.get("EXPERIMENTS_DIR") or "Experiments")
# Other workers make the same things again; they do so in a folder of their own.
ROOT_DIR = _CHIEF_DIR / f"worker-{worker()[0]}" if worker()[0] else _CHIEF_DIR
MODEL_DIR = ROOT_DIR / "2Bar"

_PACKAGE_DIR = Path(__file__).resolve().parent
# Installed, the package brings its data along; in a checkout they lie beside it.
PROJECT_DIR = _PACKAGE_DIR if (_PACKAGE_DIR / "pretrained").is_dir() else _PACKAGE_DIR.parent
PRETRAINED_DIR = PROJECT_DIR / "pretrained"
DATASET_DIR = PROJECT_DIR / "dataset"
GALLERY_DIR = DATASET_DIR / "gallery"
MIDI_DIR = PROJECT_DIR / "original_midi"


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


def of_chief(path):
    """Name the chief's own copy of one of this worker's files: ``path`` itself, if this is the chief."""
    path = Path(path)
    return _CHIEF_DIR / path.relative_to(ROOT_DIR) if path.is_relative_to(ROOT_DIR) else path


def generated_midi_path_for_iteration(iteration: int, saveto_dir: str | Path | None = None) -> str:
    """Name the MIDI file of the samples at one iteration, as a str."""
    return str(Path(saveto_dir or ".") / f"iteration-{iteration}.mid")


def pianoroll_path_for_iteration(iteration: int, saveto_dir: str | Path | None = None) -> str:
    """Name the picture of the samples at one iteration, as a str."""
    return str(Path(saveto_dir or ".") / f"sample_iteration_{iteration:05d}.png")


def atomic_write(path: str | Path, write) -> Path:
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
        ``path``, now complete. If ``write`` fails, what stood there before stays.
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
