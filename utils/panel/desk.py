"""What stands around the instrument once there is something to hear."""

from __future__ import annotations

import html

import ipywidgets as widgets

from .controls import described, fold, pressed, row, show
from .editing import words_for
from .instrument import Instrument


class Desk(widgets.VBox):
    """The instrument, and what can be done with it; ``tools`` stand above it.

    Parameters
    ----------
    panel : Panel
        Does what the buttons say, and has the sound.
    """

    def __init__(self, panel):
        self._panel, self._quiet = panel, False
        self.again = pressed(
            "Write it all again", "Everything that is not held", panel.write_again, "refresh"
        )
        self.undo = pressed("Undo", "Take the last change back", lambda: panel.step(True), "undo")
        self.redo = pressed(
            "Redo", "Make the change that was taken back", lambda: panel.step(False), "repeat"
        )
        self.hold_bars = pressed(
            "Hold these bars",
            "They stay when others are written again",
            lambda: panel.hold_bars(True),
            "lock",
        )
        self.free_bars = pressed(
            "Let go of these bars", "They may be written again", lambda: panel.hold_bars(False), "unlock"
        )
        self.held = row()
        self.held.layout.width = "auto"
        self.note = widgets.HTML()
        self.lower = pressed(
            "Lower", "The next lower note of the key", lambda: panel.step_note(False), "arrow-down"
        )
        self.higher = pressed(
            "Higher", "The next higher note of the key", lambda: panel.step_note(True), "arrow-up"
        )
        self.pitch = described(
            widgets.Text, "Other note:", "Such as F#4 or Bb3; press Enter", placeholder="F#4", width="16em"
        )
        self.instrument = Instrument()
        self.home = {
            kind: pressed(kind, tooltip, lambda kind=kind: panel.take_home(kind), "download")
            for kind, tooltip in (
                ("MIDI", "For other music programs"),
                ("MusicXML", "A score to edit in MuseScore and others"),
                ("MP3", "The sound"),
                ("SVG", "The score as a picture; a browser shows and prints it"),
            )
        }
        self.save = pressed(
            "To go on later", "One file with all results: choose it here again", panel.save_work, "save"
        )
        self.earlier = described(widgets.Dropdown, "Results:", "Everything that was made here", options=[""])
        self.title = described(
            widgets.Text, "Name:", "Under which to keep what is shown", placeholder="a name"
        )
        self.keep = pressed("Keep under this name", "To come back to it", panel.keep_result, "bookmark")
        self.report = widgets.HTML()
        self.tools = widgets.VBox(
            [
                row(self.again, self.undo, self.redo, self.hold_bars, self.free_bars),
                row(widgets.HTML("<b>Hold:</b>"), self.held),
                row(widgets.HTML("<b>Note:</b>"), self.note, self.lower, self.higher, self.pitch),
            ]
        )
        super().__init__(
            [
                self.instrument,
                row(*panel.sound.all()),
                row(*self.home.values(), self.save, label="Take home:"),
                fold(
                    "Earlier results",
                    "Choose one, or keep this one",
                    self.earlier,
                    self.title,
                    self.keep,
                ),
                fold("What was done", "How your melody was read", self.report),
            ]
        )
        self.appear(False)

    def appear(self, there=True):
        """Show the tools and the rest when there is something to hear."""
        show(self.tools, there)
        show(self, there)

    def refresh(self, history):
        """Let the controls say what holds.

        Parameters
        ----------
        history : History
            Of which something is now.
        """
        result = history.now
        bars, note = list(self.instrument.bars), self.instrument.note
        self.again.description = f"Write {words_for(bars) if bars else 'it all'} again"
        self.hold_bars.disabled = self.free_bars.disabled = not bars
        self.undo.disabled, self.redo.disabled = not history.past, not history.future
        fixed = not note or note["number"] == result.shown.place
        self.lower.disabled = self.higher.disabled = self.pitch.disabled = fixed
        self.note.value = html.escape(_words_for_note(note, fixed))
        self._quiet = True
        try:
            self._refresh_held(result)
            self.earlier.options = list(history.kept)
            self.earlier.value = result.title
        finally:
            self._quiet = False

    def _refresh_held(self, result):
        take, held = result.shown, result.held[result.take]
        if len(self.held.children) != take.grid.shape[1]:
            self.held.children = [self._voice_toggle(voice) for voice in range(take.grid.shape[1])]
        for voice, toggle in enumerate(self.held.children):
            toggle.value = bool(held[:, voice].all())
            toggle.disabled = voice == take.place
            toggle.icon = "lock" if toggle.value else "unlock"

    def _voice_toggle(self, voice):
        name = self.instrument.takes[0]["voices"][voice]
        toggle = widgets.ToggleButton(
            False, description=name.capitalize(), tooltip=f"The {name} stays when others are written again"
        )
        toggle.layout.width = "auto"
        toggle.observe(lambda change: self._quiet or self._panel.hold_voice(voice, change["new"]), "value")
        return toggle


def _words_for_note(note, fixed):
    if not note:
        return "click one to change it"
    words = f"{note['voice']} at {note['place']}: {note['pitch']}"
    return f"{words}, of the melody, which stays" if fixed else words
