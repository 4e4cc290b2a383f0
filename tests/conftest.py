import utils.quiet_tensorflow  # noqa: F401 isort: skip (before TensorFlow is imported)

import os

import pytest
from lesson import load_lesson

os.environ["SOUNDFONT"] = "none"  # the built-in sounds, on machines with FluidSynth too


@pytest.fixture(scope="session")
def lesson():
    """The notebook's definitions, as a module."""
    return load_lesson()
