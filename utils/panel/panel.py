"""A panel to play with: choose a melody, harmonize it, hear, see, read and take it home.

All state lives in the widgets. What the panel does is done by :func:`.harmonize_takes`
and ``Arrangement.write``; a cell of five lines does the same without it.
"""

from __future__ import annotations

import base64
import contextvars
import html
import io
import re
import threading
from pathlib import Path

import ipywidgets as widgets

from ..arranger.proposals import CREATIVITY
from ..arranger.takes import harmonize_takes
from ..networks.store import load_shipped_generator
from ..path_utils import GALLERY_DIR, MODEL_DIR, PROJECT_DIR, atomic_write
from ..pictures.page import show_score
from ..pictures.rolls import draw_roll
from ..songs.song import SCORES_TO_READ, MelodyError
from ..songs.sound import write_audio
from ..songs.typed import TYPED_EXAMPLE, parse_notes
from .words import count, explain, plain, said

FOLDER = MODEL_DIR / "panel"
NOTATION = (
    "A letter, # or b if need be, an octave, then beats after a colon: <code>C5 F#5:2 Bb4:1/2 r:1</code>. "
    "<code>r</code> is a rest. Without beats a note lasts one; without an octave it stays in that of the "
    "note before. <code>!</code> behind a note ends a phrase. Commas and bar lines <code>|</code> are "
    "welcome and mean nothing."
)
AS_IT_IS = "as in the melody"
PHRASES_SHOWN = "found, or 2:3 4:3, or none"
PICKUPS = {"none": 0, "½ beat": 0.5, "1 beat": 1, "1½ beats": 1.5, "2 beats": 2, "3 beats": 3}  # before bar 1
TEMPI = (50, 60, 70, 80, 90, 100, 110, 120, 140, 160)  # quarter notes per minute
INSTRUMENTS = {"piano": 0, "harpsichord": 6, "church organ": 19, "strings": 48, "choir": 52, "brass": 61}
MOST_TAKES = 16
MEDIA_TYPES = {
    "MIDI": (".mid", "audio/midi"),
    "MusicXML": (".musicxml", "application/vnd.recordare.musicxml+xml"),
    "MP3": (".mp3", "audio/mpeg"),
}


def panel(generator=None, folder=FOLDER):
    """Open a panel that harmonizes melodies.

    Parameters
    ----------
    generator : keras.Model, optional
        Of your own run; by default the shipped one, loaded at the first click.
    folder : str or Path
        Gets every take as MIDI, MusicXML and MP3.

    Returns
    -------
    Panel
        A widget: the last line of a cell shows it.
    """
    return Panel(generator, folder)


class Panel(widgets.VBox):
    """Controls, a button, a line that says what goes on, and the takes; see :func:`panel`."""

    def __init__(self, generator, folder):
        self._generator, self._folder, self._busy = generator, Path(folder), threading.Lock()
        self.source = widgets.RadioButtons(
            options=["from the list", "a file of mine", "notes that I type"], description="Melody:"
        )
        self.tune = widgets.Dropdown(options=_tunes(), description="Song:")
        endings = ",".join((".mid", ".midi", *SCORES_TO_READ))
        self.file = widgets.FileUpload(accept=endings, description="Choose MIDI or MusicXML")
        self.file.layout = widgets.Layout(width="auto", align_self="flex-start")
        self.notes = widgets.Textarea(TYPED_EXAMPLE, description="Notes:", rows=3)
        self.notes.continuous_update = False  # else a quick click may come before the last letters
        self.notes.layout.width = "min(46em, 100%)"
        self.takes = widgets.BoundedIntText(4, min=1, max=MOST_TAKES, description="Takes:")
        self.seed = widgets.BoundedIntText(0, min=0, max=2**31 - 1, description="Seed:")
        self.creativity = widgets.BoundedFloatText(
            CREATIVITY, min=0, max=2, step=0.1, description="Creativity:"
        )
        # A choice that is None would at times be shown as no choice.
        tempi = [(AS_IT_IS, 0), *((f"{tempo} beats a minute", tempo) for tempo in TEMPI)]
        self.tempo = widgets.Dropdown(options=tempi, description="Tempo:")
        self.pickup = widgets.Dropdown(options=[AS_IT_IS, *PICKUPS], description="Pickup:")
        self.phrases = widgets.Text(placeholder=PHRASES_SHOWN, description="Phrases:")
        self.phrases.continuous_update = False
        self.instrument = widgets.Dropdown(options=[AS_IT_IS, *INSTRUMENTS], description="Instrument:")
        self.takes.tooltip = "How many arrangements to choose from"
        self.seed.tooltip = "Another number, other takes; the same number, the same takes"
        self.phrases.tooltip = "Bar and beat of each phrase's last note, if they are not found"
        self.creativity.tooltip = "0: always the likeliest notes; higher: more surprises"
        self.button = widgets.Button(description="Harmonize", button_style="primary", icon="music")
        self.status = widgets.HTML()
        self.results = widgets.VBox()

        self._chosen = widgets.VBox()
        self.source.observe(lambda _: self._show_source(), "value")
        self.file.observe(lambda _: self._name_file(), "value")
        self.button.on_click(lambda _: self.harmonize())
        self._show_source()
        choices = (self.takes, self.seed, self.creativity, self.pickup, self.phrases)
        choices += (self.tempo, self.instrument)
        for control in choices:
            control.layout.width = "20em"
        row = widgets.Box(choices, layout=widgets.Layout(flex_flow="row wrap", width="100%"))
        super().__init__([self.source, self._chosen, row, self.button, self.status, self.results])

    def __repr__(self):
        """Say what a page without widgets shows in its place."""
        return "A panel: it appears when the cell is run in JupyterLab, Notebook 7 or VS Code."

    def harmonize(self):
        """Do what the button says, beside what the reader does; whatever goes wrong is said in the panel."""
        if not self._busy.acquire(blocking=False):  # a second click, while the first one's work goes on
            return
        self.button.disabled = True
        # What another thread says belongs to the same cell.
        work = contextvars.copy_context()
        threading.Thread(target=work.run, args=(self._try_to_harmonize,), daemon=True).start()

    def wait(self):
        """Wait until what was asked for is done."""
        with self._busy:
            pass

    def _try_to_harmonize(self):
        try:
            self.results.children = ()  # nobody shall take the song before for this one
            self._harmonize()
        except Exception as error:  # nobody sees a traceback of a widget
            text, details = explain(error)
            self.status.value = said(text, kind="alert", details=details)
        finally:
            self.button.disabled = False
            self._busy.release()

    def _harmonize(self):
        name, melody = self._melody()
        first = self._generator is None and not load_shipped_generator.cache_info().currsize
        patience = " The network is loaded first, which takes a few seconds." if first else ""
        self._progress(f"Harmonizing {name}, {count(self.takes.value, 'take')}.{patience}", 0)
        arrangements = harmonize_takes(
            melody,
            takes=self.takes.value,
            seed=self.seed.value,
            creativity=self.creativity.value,
            generator=self._generator,
            pickup=PICKUPS.get(self.pickup.value),
            phrases=self.phrases.value.strip() or None,
        )
        pages = [widgets.HTML() for _ in arrangements]
        self.results.children = pages
        for number, arrangement in enumerate(arrangements, start=1):
            self._progress(f"Playing and drawing take {number} of {len(arrangements)} of {name}.", number)
            stem = self._folder / f"{name}_take-{number}"
            program, tempo = INSTRUMENTS.get(self.instrument.value), self.tempo.value or None
            files = write_take(arrangement, stem, program, tempo)
            title = f"{name}, take {number}" if len(arrangements) > 1 else name
            pages[number - 1].value = take_page(title, arrangement, files, number == 1)
        report = "".join(f"<li>{html.escape(plain(line))}</li>" for line in arrangements[0].report)
        several = ", the likeliest first" if len(arrangements) > 1 else ""
        done = f"{name}: {count(len(arrangements), 'take')}{several}. All files are in {self._folder}."
        self.status.value = said(done) + f"<ul>{report}</ul>"

    def _melody(self):
        """Give the name and what :func:`.harmonize_takes` can read."""
        if self.source.index == 0:
            return self.tune.value.stem, self.tune.value
        if self.source.index == 2:
            return "typed-notes", parse_notes(self.notes.value)
        if not self.file.value:
            raise MelodyError("Your file", "none is chosen yet", "Choose one, or take a melody from the list")
        (upload,) = self.file.value
        path = self._folder / "melodies" / Path(upload["name"].replace("\\", "/")).name
        atomic_write(path, lambda name: Path(name).write_bytes(upload["content"]))
        return path.stem, path

    def _show_source(self):
        typed = [self.notes, widgets.HTML(f"<small>{NOTATION}</small>")]
        self._chosen.children = ([self.tune], [self.file], typed)[self.source.index]

    def _name_file(self):
        self.file.description = f"Chosen: {self.file.value[0]['name']}"

    def _progress(self, text, done):
        steps = 1 + self.takes.value
        bar = f'<progress value="{done}" max="{steps}" aria-label="progress"></progress> '
        self.status.value = said(text, bar)


def _tunes():
    """List the project's melodies: pairs of what to show and the file."""
    gallery = sorted(path for path in GALLERY_DIR.glob("*.mid") if not path.stem.endswith("_bach"))
    files = [PROJECT_DIR / "input_twinkle_twinkle.mid", *gallery]
    return [(re.sub("[_-]", " ", path.stem.removeprefix("input_")).title(), path) for path in files]


def write_take(arrangement, stem, program=None, tempo=None):
    """Write an arrangement in every format.

    Parameters
    ----------
    arrangement : Arrangement
    stem : Path
        The files' name without its ending.
    program : int, optional
        General MIDI program of all voices; by default the melody keeps its own.
    tempo : float, optional
        Quarter notes per minute; by default the melody's own.

    Returns
    -------
    dict of str to Path
        By format, see ``MEDIA_TYPES``.
    """
    files = {kind: stem.with_name(stem.name + ending) for kind, (ending, _) in MEDIA_TYPES.items()}
    programs = None if program is None else [program] * arrangement.grid.shape[1]
    for kind in ("MIDI", "MusicXML"):
        arrangement.write(files[kind], programs, tempo)
    write_audio(files["MIDI"], files["MP3"])
    return files


def take_page(name, arrangement, files, shown=True):
    """Lay out one take: player, files to download, piano roll and score.

    Everything is inside, as data: links, so that it works offline and wherever the notebook is shown.

    Parameters
    ----------
    name : str
        Of song and take.
    arrangement : Arrangement
    files : dict of str to Path
        As :func:`write_take` gives them.
    shown : bool
        Whether roll and score are unfolded.

    Returns
    -------
    str
        HTML.
    """
    score = f"price {arrangement.scores['price']:.2f}, lower is better"
    name = html.escape(name)
    data = {kind: _data_uri(files[kind], media) for kind, (_, media) in MEDIA_TYPES.items()}
    links = " · ".join(
        f'<a href="{uri}" download="{html.escape(files[kind].name)}" aria-label="{kind} of {name}" '
        f'style="text-decoration:underline">{kind}</a>'
        for kind, uri in data.items()
    )
    picture = io.BytesIO()
    roll = draw_roll(arrangement.grid, arrangement.onset, bars=arrangement.bars)
    roll.savefig(picture, format="png")
    drawn = f"data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()}"
    return (
        f'<section aria-label="{name}" style="margin:0.8em 0; line-height:1.6"><b>{name}</b> ({score})<br>'
        f'<audio controls preload="metadata" aria-label="{name}" style="width:100%" '
        f'src="{data["MP3"]}"></audio><br>Download: {links}'
        f"<details{' open' if shown else ''}><summary>See and read {name}</summary>"
        f'<img src="{drawn}" alt="Piano roll of {name}" style="max-width:100%">'
        f"{_score(files['MusicXML'], f'Score of {name}')}</details></section>"
    )


def _score(path, label):
    try:
        return show_score(path, label=label).data
    except ValueError as error:  # the take can still be heard
        return f"<p>No score: {html.escape(str(error))}</p>"


def _data_uri(path, media):
    return f"data:{media};base64,{base64.b64encode(path.read_bytes()).decode()}"
