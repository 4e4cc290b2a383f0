"""An instrument for people who do not program: a tune in; hear, see, read and change what is made of it.

What it does is done by :func:`.harmonize_takes`, :mod:`.editing` and ``Arrangement.write``; a cell of five
lines does the same without it.
"""

from __future__ import annotations

import html
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import ipywidgets as widgets
import numpy as np

from ..arranger.takes import harmonize_takes
from ..arranger.transposing import transpose
from ..music.theory import pitch_name, pitch_number
from ..networks.store import load_shipped_generator
from ..path_utils import MODEL_DIR, atomic_write
from ..songs.song import MelodyError
from ..songs.typed import parse_notes
from . import work_file
from .controls import PICKUPS, Sound, Wishes, described, fold, pressed, row, show, tunes
from .desk import Desk
from .editing import change_note, hold, move_phrases, next_in_scale, words_for, write_again
from .entry import TuneEntry, write_aside
from .history import History, first_result
from .take_home import Courier, file_name, make_file
from .voices import WhichVoice
from .words import count, plain, said
from .worker import Worker

FOLDER = MODEL_DIR / "panel"
MY_TUNE = "My tune"
CHANCES = 4  # of being written again in another way: in a few bars different noise may say the same


def panel(generator=None, folder=FOLDER):
    """Open a panel that harmonizes melodies.

    Parameters
    ----------
    generator : keras.Model, optional
        Of your own run; by default the shipped one, loaded at the first click.
    folder : str or Path
        Gets whatever is taken home, beside the downloads of the browser.

    Returns
    -------
    Panel
        A widget: the last line of a cell shows it.
    """
    return Panel(generator, folder)


class Panel(widgets.VBox):
    """Controls, a line that says what goes on, and the instrument; see :func:`panel`."""

    def __init__(self, generator, folder):
        self._generator, self._folder = generator, Path(folder)
        self._quiet = False
        self._history, self._moved, self._again = History(), {}, 0
        self._heard = self._title = None  # how it sounds, and of which result, what is shown
        self._make_controls()
        self.desk = Desk(self)
        self.instrument = self.desk.instrument
        top = widgets.VBox([self.source, self.tune, self.entry, self.voices])
        chords = row(self.wishes.chords, self.wishes.closeness)
        asked = [top, chords, self.button, self._more, self.desk.tools]
        # Answers stand beside the music: what is done there is not answered out of sight.
        super().__init__([*asked, self.status, self.wishes.offer, self.aside, self.desk, self.courier])
        self.add_class("bach-panel")
        self._watch()
        self._show_source()

    def __repr__(self):
        """Say what a page without widgets shows in its place."""
        return "A panel: it appears when the cell is run in JupyterLab, Notebook 7 or VS Code."

    # --- What stands where ---

    def _make_controls(self):
        self.source = widgets.RadioButtons(
            options=["from the list", "my own: played, typed, or a file"], description="Melody:"
        )
        self.source.layout.width = "auto"
        self.tune = described(widgets.Dropdown, "Song:", "Melodies that come with it", options=tunes())
        self.entry = TuneEntry()
        self.entry.endings += f",{work_file.ENDING}"
        self.voices = WhichVoice()
        self.wishes, self.sound = Wishes(self.harmonize), Sound()
        self.button = pressed(
            "Harmonize", "Write the other voices", self.harmonize, "music", button_style="primary"
        )
        self._more = fold("More", "Takes, surprises, pickup, phrases", *self.wishes.more())
        self.status, self.aside, self.courier = widgets.HTML(), widgets.HTML(), Courier()
        self._worker = Worker(self, self.status, self.aside, self._after)
        self._work = self._worker.begin

    def _watch(self):
        self.source.observe(lambda _: self._show_source(), "value")
        self.tune.observe(lambda _: self.wishes.forget_the_song(), "value")
        self.entry.observe(lambda _: self._take_file(), "file")
        self.desk.pitch.observe(lambda change: change["new"] and self.change_note(change["new"]), "value")
        self.desk.earlier.observe(lambda _: self._choose_earlier(), "value")
        for control in self.sound.all():
            control.observe(lambda _: self._sound_again(), "value")
        for name, act in (("take", self._turn), ("bars", self._refresh), ("note", self._refresh)):
            self.instrument.observe(lambda _, act=act: self._quiet or act(), name)
        self.instrument.observe(lambda _: self._quiet or self._move_phrases(), "phrases")

    def _show_source(self):
        listed = self.source.index == 0
        show(self.tune, listed)
        show(self.entry, not listed)
        show(self.voices, not listed and self.voices.several)
        self.wishes.forget_the_song()

    def wait(self):
        """Wait until what was asked for is done."""
        self._worker.wait()

    def _after(self, failed):
        """Let everything say what holds, when some work is done; give what is to be said beside it."""
        now = self._history.now
        if now and not failed and self._heard != self.sound.values():  # changed meanwhile
            self._show()
        self._refresh()
        return f" What stands below is still {now.song}." if now and failed else ""

    # --- What the buttons say ---

    def harmonize(self):
        """Set voices to the chosen melody."""
        first = self._generator is None and not load_shipped_generator.cache_info().currsize
        self.wishes.offer_pickup("", None)
        patience = " The network is loaded first, which takes a few seconds." if first else ""
        self._work(
            f"Harmonizing {self._name()}: {count(self.wishes.takes.value, 'take')}.{patience}",
            self._harmonize,
        )

    def _harmonize(self):
        """Show the first take as soon as it is there, and the others when they are."""
        name, wishes = self._name(), self.wishes
        number = wishes.takes.value if wishes.creativity.value else 1  # without surprise all are alike
        with TemporaryDirectory() as folder:
            ask = partial(
                harmonize_takes,
                self._melody(folder),
                seed=wishes.seed.value,
                creativity=wishes.creativity.value,
                generator=self._generator,
                pickup=PICKUPS.get(wishes.pickup.value),
                phrases=wishes.phrases.value.strip() or None,
                chords=wishes.chords.value.strip() or None,
                closeness=wishes.closeness.value,
                **(self.voices.options() if self.source.index else {}),
            )
            (first,) = ask(takes=1)
            if self._history.now and self._history.now.song != name:
                self.sound.forget_the_song()
            result = first_result(self._history.new_title(name), name, [first])
            self._history.do(replace(result, did=f"{name} harmonized"))
            self._show()
            if number == 1:
                return f"{name}: one take.{self._offer_pickup(name, first.melody)}"
            self._worker.tell(f"{name}: the likeliest take is there; writing {count(number - 1, 'other')}")
            self.instrument.prepare()
            others = [replace(take, melody=first.melody) for take in ask(takes=number - 1, sober=0)]
        now = self._history.now
        held = (*now.held, *(np.array(take.given) for take in others))
        self._history.amend(replace(now, takes=(first, *others), held=held))
        self._show()
        return f"{name}: {number} takes, the likeliest first.{self._offer_pickup(name, first.melody)}"

    def _offer_pickup(self, name, melody):
        """Offer the pickup that a melody seems to have, if it is still chosen; give what is said of it."""
        return self.wishes.offer_pickup(name, melody.suspected_pickup if self._name() == name else None)

    def _name(self):
        """Say what the chosen melody is called."""
        if self.source.index == 0:
            return self.tune.label
        return Path(self.entry.file[0]).stem or MY_TUNE if self.entry.file else MY_TUNE

    def _melody(self, folder):
        """Give what :func:`.harmonize_takes` can read."""
        if self.source.index == 0:
            return self.tune.value
        return write_aside(self.entry.file, folder) if self.entry.file else parse_notes(self.entry.value)

    def write_again(self):
        """Write the marked bars again, or everything, but for what is held."""
        result, bars, wishes = self._history.now, list(self.instrument.bars), self.wishes

        def act():
            for _ in range(CHANCES if wishes.creativity.value else 1):
                self._again += 1
                new = write_again(
                    result,
                    bars,
                    wishes.seed.value + self._again,
                    wishes.creativity.value,
                    wishes.chords.value,
                    wishes.closeness.value,
                    self._generator,
                )
                same = (new.shown.grid == result.shown.grid).all()
                if not same:
                    break
            self._go_on(new)
            more = " Nothing else was found: let go of more, or raise the surprise." if same else ""
            return f"{result.names[result.take]}: {new.did}.{more}"

        self._work(f"Writing {words_for(bars)} again", act)

    def step_note(self, up):
        """Change the chosen note to the next one of the key."""
        note, take = self.instrument.note, self._history.now.shown
        pitch = int(take.grid[note["step"], note["number"]])
        self.change_note(next_in_scale(take, pitch, up) + self.sound.transposition.value)

    def change_note(self, pitch):
        """Change the chosen note and let the others follow.

        Parameters
        ----------
        pitch : int or str
            As it sounds and is shown.
        """
        result, note = self._history.now, dict(self.instrument.note)

        def act():
            number = pitch_number(pitch)
            if number is None:
                raise MelodyError(f"“{pitch}”", "it is no note", "Write a letter, # or b, and an octave: F#4")
            own = number - self.sound.transposition.value
            new = change_note(result, note["voice"], note["place"], own, self._generator)
            self._go_on(new)
            changed = f"{note['voice']} at {note['place']} is {pitch_name(number)} now"
            return f"{result.names[result.take]}: {changed}."

        self.desk.pitch.value = ""
        self._work(f"Changing a note of the {note['voice']}", act)

    def _move_phrases(self):
        result, places = self._history.now, list(self.instrument.phrases)

        def act():
            self._go_on(move_phrases(result, places))
            return "The phrases end where you say. Write bars again to let the voices follow."

        self._work("Moving the phrase ends", act)

    def step(self, back):
        """Undo, or make again what was undone."""

        def act():
            did = self._history.undo() if back else self._history.redo()
            self._show()
            return f"{'Undone' if back else 'Done again'}: {did}."

        self._work("Going back" if back else "Going on", act)

    def take_home(self, kind):
        """Make a file of what is shown: one of ``MEDIA_TYPES``."""
        result = self._history.now

        def act():
            take = self._as_heard(result)[result.take]
            values = self.sound.programs(take.grid.shape[1]), self.sound.tempo.value or None
            ending, data = make_file(take, kind, *values, self.sound.symbols.value)
            return self._deliver(file_name(result.names[result.take], ending), data)

        self._work(f"Making {kind}", act)

    def save_work(self):
        """Make the file to go on with."""
        now = self._history.now

        def act():
            data = work_file.pack(list(self._history.kept.values()), now.title, self.sound.values())
            return self._deliver(file_name(now.song, work_file.ENDING), data)

        self._work("Saving the work", act)

    def _deliver(self, name, data):
        path = atomic_write(self._folder / name, lambda aside: Path(aside).write_bytes(data))
        self.courier.deliver(name, data)
        return f"{name} is among your downloads, and in {path.parent}."

    def _take_file(self):
        """Look into a file that was chosen: work to go on with, or a song whose parts are asked about."""
        self.wishes.forget_the_song()
        self.voices.clear()
        if self.entry.file and self.entry.file[0].lower().endswith(work_file.ENDING):
            self._work(f"Opening {self.entry.file[0]}", self._open_work)
        elif self.entry.file:
            with TemporaryDirectory() as folder:
                self.voices.ask_about(write_aside(self.entry.file, folder))
        show(self.voices, self.voices.several)

    def _open_work(self):
        results, now, settings = work_file.unpack(*self.entry.file)
        self._history, self._title = History(kept={result.title: result for result in results}), None
        self._history.do(self._history.kept[now])
        self._quiet = True
        self.sound.set(settings)
        self._show()
        return f"{self._history.now.song}: go on."

    def keep_result(self):
        """Keep what is shown under a name, to come back to it."""
        title = self._history.new_title(self.desk.title.value.strip() or self._history.now.song)
        self._history.keep(title)
        self.desk.title.value = ""
        self.status.value = said(f"Kept as {title}.")
        self._refresh()

    def _choose_earlier(self):
        result = self._history.kept.get(self.desk.earlier.value)
        if result is None or result is self._history.now:
            return

        def act():
            self._history.do(result)
            self._show()
            return f"{result.title} is back."

        self._work(f"Coming back to {result.title}", act)

    # --- What is shown ---

    def _go_on(self, result):
        self._history.do(result)
        self._show()

    def _show(self):
        """Show what is now, with the marks that were if it is the same song."""
        result, values = self._history.now, self.sound.values()
        marked, self._title = result.title == self._title, result.title
        bars, note = list(self.instrument.bars), self.instrument.note
        self._quiet = True
        try:
            self.instrument.show(
                self._as_heard(result),
                result.names,
                self.sound.programs(result.shown.grid.shape[1]),
                values["tempo"] or None,
                values["symbols"],
                result.take,
            )
            if marked:
                self.instrument.bars, self.instrument.note = bars, self.instrument.find_again(note)
        finally:
            self._quiet = False
        self._heard = values
        self.desk.appear()
        report = "".join(f"<li>{html.escape(plain(line))}</li>" for line in result.shown.report)
        self.desk.report.value = f"<ul>{report}</ul>"

    def _as_heard(self, result):
        """Move the takes as is wished, each once."""
        semitones = self.sound.transposition.value
        keys = [(id(take), semitones) for take in result.takes]
        self._moved = {
            key: self._moved.get(key) or (take, transpose(take, semitones))
            for key, take in zip(keys, result.takes, strict=True)
        }
        return [self._moved[key][1] for key in keys]

    def _sound_again(self):
        if self._quiet or not self._history.now or self._worker.busy:  # or when the work is done
            return
        self._work("Playing it so", lambda: self._show() or "")

    def _turn(self):
        """Follow the instrument to another take."""
        if self._history.now:
            self._history.amend(replace(self._history.now, take=self.instrument.take))
            self._refresh()

    def hold_bars(self, on):
        """Hold the marked bars, or let go of them."""
        self._history.amend(hold(self._history.now, bars=self.instrument.bars, on=on))
        self._refresh()

    def hold_voice(self, voice, on):
        """Hold a voice, or let go of it."""
        self._history.amend(hold(self._history.now, voices=[voice], on=on))
        self._refresh()

    def _refresh(self):
        if self._history.now:
            self.desk.refresh(self._history)
