"""Enter a tune: typed notes, a piano on the screen, a MIDI keyboard, or a file dropped on it."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

HERE = Path(__file__).parent


class TuneEntry(anywidget.AnyWidget):
    """A melody as somebody enters it.

    Attributes
    ----------
    value : str
        The notes, as :func:`.parse_notes` reads them.
    file : None or (str, bytes)
        A file that was chosen or dropped: its name, without folders, and what is in it. Whoever
        enters a note afterwards wants the notes: ``file`` is None again.
    """

    _esm = "export default {render({model, el}) {}}"

    value = traitlets.Unicode("").tag(sync=True)
    file = traitlets.Tuple(traitlets.Unicode(), traitlets.Bytes(), default_value=None, allow_none=True)
