"""music21, imported so that it leaves the notebook as it is.

In a notebook it would set how figures are shown, a second after it is imported: every picture from then on
would have four times as many pixels. It takes the notebook for one by its error stream.
"""

import contextlib
import io

with contextlib.redirect_stderr(io.StringIO()):
    import music21  # noqa: F401 (others take it from here)
