"""Import this before TensorFlow to keep its start-up notes off the page.

They come from compiled code, before any log level is read, and look like errors to a reader: which CPU
instructions are in use, that no GPU driver was found. What goes wrong in earnest still raises.
"""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
_stderr = os.dup(2)
with Path(os.devnull).open("w") as _nowhere:
    os.dup2(_nowhere.fileno(), 2)
try:
    import tensorflow

    tensorflow.config.list_physical_devices()
finally:
    os.dup2(_stderr, 2)
    os.close(_stderr)
