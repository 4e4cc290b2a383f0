import utils.quiet_tensorflow  # noqa: F401 isort: skip (before TensorFlow is imported)

import pytest
from lesson import load_lesson


@pytest.fixture(scope="session")
def lesson():
    """The notebook's definitions, as a module."""
    return load_lesson()
