"""What surrounds the training loop: device and replicas, runs and checkpoints, trained networks in files."""

from .networks.store import load_network, save_network
from .training.device import choose_precision, describe_device, versions
from .training.listening import ListeningTest
from .training.presets import tell_presets
from .training.replicas import choose_strategy, count_replicas, on_all_replicas, on_one_device
from .training.run import Run, read_histories, run_name

__all__ = [
    "ListeningTest",
    "Run",
    "choose_precision",
    "choose_strategy",
    "count_replicas",
    "describe_device",
    "load_network",
    "on_all_replicas",
    "on_one_device",
    "read_histories",
    "run_name",
    "save_network",
    "tell_presets",
    "versions",
]
