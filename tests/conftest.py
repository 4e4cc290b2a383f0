import os

os.environ.setdefault(
    "TF_CPP_MIN_LOG_LEVEL", "2"
)  # before TensorFlow is imported: its start-up notes hide ours

import pytest
from lesson import load_lesson


@pytest.fixture(scope="session")
def lesson():
    """The notebook's definitions, as a module."""
    return load_lesson()
