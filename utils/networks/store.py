"""Networks in files: architecture and weights, readable without the notebook."""

from __future__ import annotations

import functools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ..path_utils import PRETRAINED_DIR, atomic_write

LOADING = threading.Lock()
# What later versions of Keras write down although it is their default, and earlier ones do not know.
LATER_DEFAULTS = {
    "renorm": False,
    "renorm_clipping": None,
    "renorm_momentum": 0.99,
    "input_axes": None,
    "output_axes": None,
    "optional": False,
    "quantization_config": None,
}


def save_network(path, model):
    """Store architecture and weights in one file, in half precision and without pickle.

    Parameters
    ----------
    path : str or Path
        ``.npz``.
    model : keras.Model
        Of Keras' own layers and those of :mod:`.layers`.

    Raises
    ------
    ValueError
        If a weight is not a number, or beyond the range of half precision.
    """
    with np.errstate(over="ignore"):
        weights = {f"weight_{i:03d}": w.astype(np.float16) for i, w in enumerate(model.get_weights())}
    if not all(np.isfinite(w).all() for w in weights.values()):
        raise ValueError(
            f"{path} is not written: {model.name} has weights that are not numbers or exceed 65,504, the "
            "largest in half precision. Save an earlier checkpoint."
        )
    architecture = np.array(model.to_json())
    atomic_write(path, lambda name: np.savez_compressed(name, architecture=architecture, **weights))


def load_network(path):
    """Rebuild a network that :func:`save_network` stored, in float32.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    keras.Model

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or if it is none of these.
    """
    return _build(path, _read(path))


@functools.cache
def load_shipped_generator():
    """Load the shipped generator, once: keras.Model."""
    return _load_shipped("generator")


@functools.cache
def load_shipped():
    """Load the shipped generator and critic, once: two keras.Model."""
    return load_shipped_generator(), _load_shipped("critic")


def _load_shipped(name):
    with LOADING:  # who comes while another thread loads it waits for that one
        return _load_once(name)


@functools.cache
def _load_once(name):
    path = PRETRAINED_DIR / f"{name}.npz"
    with ThreadPoolExecutor() as pool:  # unpacks the weights while Keras is imported
        stored = pool.submit(_read, path)
        _import_keras()
        return _build(path, stored.result())


def _read(path):
    """Read the architecture (JSON) and the weights (float32 arrays) of a network."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} is missing. {_cure(path)}")
    try:
        with np.load(path, allow_pickle=False) as stored:
            # Trained in bfloat16 on one machine, it is to run anywhere.
            text = str(stored["architecture"]).replace("mixed_bfloat16", "float32")
            keys = sorted(set(stored.files) - {"architecture"})
            weights = [stored[key].astype(np.float32) for key in keys]
        return json.dumps(json.loads(text, object_hook=_without_later_defaults)), weights
    # NumPy and zipfile meet bad bytes with whatever exception they happen to cause.
    except Exception as error:
        raise _no_network(path, error) from error


def _import_keras():
    """Import Keras here, because it takes seconds that nobody else should wait for."""
    from .. import quiet_tensorflow  # noqa: F401 (before Keras is imported)

    import keras  # isort: skip

    from . import layers  # noqa: F401 (makes them known to Keras)

    return keras


def _build(path, stored):
    keras = _import_keras()
    architecture, weights = stored
    try:
        model = keras.models.model_from_json(architecture)
        model.set_weights(weights)
    except Exception as error:  # whatever Keras makes of a foreign text
        raise _no_network(path, error) from error
    return model


def _no_network(path, error):
    return ValueError(
        f"{path} holds no network ({first_line(error)}); expected a file by save_network. {_cure(path)}"
    )


def _cure(path):
    if Path(path).resolve().is_relative_to(PRETRAINED_DIR):
        return "It comes with the project: `git checkout pretrained`, or install it again."
    return "Check the name, or store a network there."


def _without_later_defaults(config):
    nothing = object()
    return {key: value for key, value in config.items() if LATER_DEFAULTS.get(key, nothing) != value}


def first_line(error):
    """Keep the first line of an error's message, or its type if it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
