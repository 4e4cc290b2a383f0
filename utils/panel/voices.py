"""Which part of a file is which voice, if somebody says so."""

from __future__ import annotations

import html

import ipywidgets as widgets

from ..music.grid import VOICES
from ..songs.find_voices import find_voices
from ..songs.melody import read_song
from ..songs.song import MelodyError
from .controls import described, pressed, row

NOT_KEPT = "not kept"
BY_ITSELF = "found by itself"
MOST_PARTS = 12  # that are asked about


class WhichVoice(widgets.VBox):
    """A row for each part of a file, empty while there are not several.

    Attributes
    ----------
    several : bool
        Whether there is something to say.
    """

    def __init__(self):
        self.clear()
        super().__init__()

    @property
    def several(self):
        """Tell whether there is something to say."""
        return bool(self.parts)

    def clear(self):
        """Forget the file."""
        self.parts, self.melody, self._found = (), None, {}
        self.children = ()

    def ask_about(self, path):
        """Read a file and ask about its parts; of a file that cannot be read nothing is asked.

        Parameters
        ----------
        path : Path
        """
        self.clear()
        try:
            whole, split = read_song(path).parts, read_song(path, split=True).parts
        except MelodyError:  # said when it is harmonized
            return
        if not 1 < len(split) <= MOST_PARTS:
            return
        named = [(BY_ITSELF, None), *((part.name or f"part {n + 1}", n) for n, part in enumerate(whole))]
        self.melody = described(
            widgets.Dropdown,
            "Melody is in:",
            "Which part is the tune, if nothing else is kept",
            options=[(name, -1 if number is None else number) for name, number in named],
        )
        self.parts = tuple(
            described(
                widgets.Dropdown,
                html.escape(f"{part.name or f'part {number + 1}'}:"),
                "Keep this part as it is, as that voice; the highest that is kept is the tune",
                options=[NOT_KEPT, *VOICES],
            )
            for number, part in enumerate(split)
        )
        self._found = {
            claims[0].part: voice for voice, claims in find_voices(split).items() if len(claims) == 1
        }
        every = pressed("Keep every part", "Fill in which voice each seems to be", self._fill_in, "check")
        self.children = (self.melody, row(*self.parts, every, label="Parts of your file:"))

    def _fill_in(self):
        for number, part in enumerate(self.parts):
            part.value = VOICES[self._found[number]] if number in self._found else NOT_KEPT

    def options(self):
        """Give what :func:`.harmonize_takes` should know: ``keep`` or ``track``, if anything was said.

        Raises
        ------
        MelodyError
            If two parts are to be the same voice.
        """
        if not self.several:
            return {}
        keep = {part.value: number for number, part in enumerate(self.parts) if part.value != NOT_KEPT}
        if len(keep) < sum(part.value != NOT_KEPT for part in self.parts):
            raise MelodyError(
                "Your file", "two parts are to be one voice", "Keep one of them, or name another"
            )
        if keep:
            return {"keep": keep}
        return {"track": self.melody.value} if self.melody.value >= 0 else {}
