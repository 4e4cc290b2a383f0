import utils.quiet_tensorflow  # noqa: F401 isort: skip (before TensorFlow is imported)

import os
import shutil
from pathlib import Path

import pytest

from utils.lesson.definitions import NOTEBOOK, load_lesson

os.environ["SOUNDFONT"] = "none"  # the built-in sounds, on machines with FluidSynth too


@pytest.fixture(scope="session")
def lesson():
    """The notebook's definitions, as a module."""
    return load_lesson()


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy without what earlier runs have left."""
    folder = tmp_path_factory.mktemp("copy") / "project"
    left_behind = shutil.ignore_patterns(".git", ".venv", "Experiments", "__pycache__", ".*_cache")
    return Path(shutil.copytree(NOTEBOOK.parent, folder, ignore=left_behind))
