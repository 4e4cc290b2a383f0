"""What a SageMaker training job runs: the notebook, under the contract of a training container.

Reads ``SM_HPS``, ``SM_HOSTS``, ``SM_CURRENT_HOST`` and ``SM_CHANNEL_TRAINING``; trains in the checkpoint
folder, which SageMaker copies to S3 as it fills and back when a spot machine was lost; leaves the networks
and the executed notebook in ``SM_MODEL_DIR``, and the reason of a failure where SageMaker looks for it.

Hyperparameters: ``preset``, ``iterations``, ``tensorboard`` (true or false), ``port``.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import traceback
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PORT = 2222  # of the first host; the next one has the next
REASON = 1024  # characters of a failure that SageMaker shows


def tf_config(hosts, current, port=PORT):
    """Say which host is which, as TensorFlow reads it.

    Parameters
    ----------
    hosts : list of str
    current : str
        This one of them.
    port : int

    Returns
    -------
    str
        JSON; empty for a single host.
    """
    if len(hosts) < 2:
        return ""
    hosts = sorted(hosts)
    workers = [f"{host}:{port + index}" for index, host in enumerate(hosts)]
    task = {"type": "worker", "index": hosts.index(current)}
    return json.dumps({"cluster": {"worker": workers}, "task": task})


def find_data(channel):
    """Find what to train on in a channel, and what to judge by.

    Parameters
    ----------
    channel : str or Path
        A folder with ``train.npy``, as ``utils.dataset_utils`` makes it of your own music; with a single
        .npy or .npz file; or with shards. Beside any of them may be ``valid.npy``.

    Returns
    -------
    data : Path
    valid : Path or None

    Raises
    ------
    ValueError
        If there is nothing to train on, or more than one file that it might be.
    """
    channel = Path(channel)
    valid = channel / "valid.npy"
    return _find_training_data(channel), valid if valid.is_file() else None


def _find_training_data(channel):
    if any(channel.glob("shard-*.npy")):
        return channel
    if (channel / "train.npy").is_file():
        return channel / "train.npy"
    files = [file for file in channel.iterdir() if file.suffix in (".npy", ".npz") and file.stem != "valid"]
    if len(files) != 1:
        names = ", ".join(sorted(file.name for file in channel.iterdir())) or "nothing"
        raise ValueError(f"The channel {channel} holds {names}; put one .npy or .npz there, or shards.")
    return files[0]


def train(root, environ):
    """Execute the notebook.

    Parameters
    ----------
    root : Path
        ``/opt/ml`` in a container.
    environ : dict of str to str

    Returns
    -------
    int
        The exit code; 143 if the job was told to terminate, and all is saved.
    """
    choices = json.loads(environ.get("SM_HPS") or "{}")
    hosts = json.loads(environ.get("SM_HOSTS") or "[]")
    os.environ["TF_CONFIG"] = tf_config(hosts, environ.get("SM_CURRENT_HOST"), int(choices.get("port", PORT)))
    os.environ["EXPERIMENTS_DIR"] = str(root / "checkpoints")
    preset = str(choices.get("preset", "best"))
    arguments = ["--job", "--preset", preset]
    if "iterations" in choices:
        arguments += ["--iterations", str(choices["iterations"])]
    if channel := environ.get("SM_CHANNEL_TRAINING"):
        data, valid = find_data(channel)
        arguments += ["--data", str(data), *(["--valid", str(valid)] if valid else [])]
    if str(choices.get("tensorboard", "")).lower() == "true":
        arguments += ["--tensorboard", str(root / "checkpoints" / "tensorboard")]

    os.chdir(PROJECT)
    sys.path.insert(0, str(PROJECT))
    from utils import path_utils, run_notebook  # they look for their folders as soon as they are imported

    code = run_notebook.main(arguments)
    if code == 0 and path_utils.worker()[0] == 0:
        keep(path_utils.ROOT_DIR, preset, Path(environ.get("SM_MODEL_DIR") or root / "model"))
    return code


def keep(experiments, preset, model_dir):
    """Copy what a job is for into the folder that becomes ``model.tar.gz``."""
    model_dir.mkdir(parents=True, exist_ok=True)
    trained = max(experiments.glob(f"2Bar/{preset}-*/preload/generator.npz"), key=lambda f: f.stat().st_mtime)
    history = max(trained.parent.glob("checkpoint-*/history.json"))
    pages = [experiments / "notebook.ipynb", experiments / "notebook.html"]
    for file in (trained, trained.with_name("critic.npz"), history, *filter(Path.is_file, pages)):
        shutil.copy(file, model_dir)


def main():
    """Train, and say why if it fails."""
    root = Path(os.environ.get("ML_ROOT") or "/opt/ml")
    try:
        return train(root, dict(os.environ))
    except Exception as error:
        traceback.print_exc()
        (root / "output").mkdir(parents=True, exist_ok=True)
        (root / "output" / "failure").write_text(f"{type(error).__name__}: {error}".strip()[-REASON:])
        return 1


if __name__ == "__main__":
    sys.exit(main())
