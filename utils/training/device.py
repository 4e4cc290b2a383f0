"""What training runs on."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path

import tensorflow as tf

from ..path_utils import worker
from .replicas import count_replicas


def describe_device() -> str:
    """Say what training will run on, to print."""
    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]
    names = ", ".join(names) or f"CPU ({len(tf.config.list_logical_devices('CPU'))} device, no GPU found)"
    replicas, (index, workers) = count_replicas(), worker()
    if workers > 1:
        names += f"; worker {index} of {workers}"
    return names if replicas == 1 else f"{names}; {replicas} replicas train together"


def choose_precision() -> str:
    """Choose the Keras dtype policy that this machine computes fastest in.

    Returns
    -------
    {"mixed_bfloat16", "float32"}
        bfloat16 where the GPU or the CPU multiplies in it natively.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability", (0, 0))
        return "mixed_bfloat16" if capability >= (8, 0) else "float32"
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text().split() if cpuinfo.is_file() else []
    return "mixed_bfloat16" if {"avx512_bf16", "amx_bf16"} & set(flags) else "float32"


def versions(packages=("tensorflow", "keras", "numpy", "music21", "pretty_midi", "pypianoroll")):
    """List what is installed: dict of package to version, Python first."""
    return {"python": platform.python_version()} | {p: importlib.metadata.version(p) for p in packages}
