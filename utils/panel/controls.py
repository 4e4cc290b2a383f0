"""The panel's controls: what each is called, what it says when asked, and where it stands."""

from __future__ import annotations

import contextlib
import re

import ipywidgets as widgets
import traitlets

from ..arranger.proposals import CREATIVITY
from ..path_utils import GALLERY_DIR, PROJECT_DIR

AS_IT_IS = "as in the melody"
PICKUPS = {  # before bar 1
    "none": 0,
    "½ beat": 0.5,
    "1 beat": 1,
    "1½ beats": 1.5,
    "2 beats": 2,
    "2½ beats": 2.5,
    "3 beats": 3,
    "3½ beats": 3.5,
}
TEMPI = (50, 60, 70, 80, 90, 100, 110, 120, 140, 160)  # quarter notes per minute
INSTRUMENTS = {"piano": 0, "harpsichord": 6, "church organ": 19, "strings": 48, "choir": 52, "brass": 61}
MOST_TAKES = 16
FARTHEST = 12  # semitones
INTERVALS = {
    1: "a semitone",
    2: "a whole tone",
    3: "a minor third",
    4: "a major third",
    5: "a fourth",
    6: "a tritone",
    7: "a fifth",
    8: "a minor sixth",
    9: "a major sixth",
    10: "a minor seventh",
    11: "a major seventh",
    12: "an octave",
}
CHORDS_SHOWN = "C | F C | G7 C"
PHRASES_SHOWN = "guessed; or 2:3 4:3; or none"


def described(kind, label, tooltip, *values, width="24em", **options):
    """Make a control with a label that tells the whole when somebody points at it.

    Parameters
    ----------
    kind : class
        Of ipywidgets.
    label, tooltip : str
    *values
        What the control begins with.
    width : str
        At most the page's.
    **options
        Of the control.

    Returns
    -------
    Widget
    """
    control = kind(*values, description=label, tooltip=tooltip, **options)
    control.layout.width = f"min({width}, 100%)"
    control.style.description_width = "8em"
    if hasattr(control, "continuous_update"):
        control.continuous_update = False  # else a quick click may come before the last letters
    return control


def pressed(label, tooltip, act, icon="", kind=widgets.Button, **options):
    """Make a button as wide as its label.

    Parameters
    ----------
    label, tooltip : str
    act : callable
        Without arguments.
    icon : str
    kind : class
    **options
        Of the button.

    Returns
    -------
    Button
    """
    button = kind(description=label, tooltip=tooltip, icon=icon, **options)
    button.layout = widgets.Layout(width="auto", align_self="flex-start")
    button.on_click(lambda _: act())
    return button


def row(*children, label=""):
    """Put controls side by side, on as many lines as a narrow page needs."""
    named = [widgets.HTML(f"<b>{label}</b>")] if label else []
    box = widgets.Box([*named, *children])
    box.add_class("bach-row")
    box.layout = widgets.Layout(flex_flow="row wrap", align_items="center", width="100%")
    return box


def fold(label, tooltip, *children):
    """Make a button that shows and hides what only some want.

    Returns
    -------
    VBox
        The button and the rest.
    """
    button = widgets.ToggleButton(False, description=label, tooltip=tooltip, icon="caret-right")
    button.layout = widgets.Layout(width="auto", align_self="flex-start")
    inside = row(*children)
    show(inside, False)

    def turn(change):
        show(inside, change["new"])
        button.icon = "caret-down" if change["new"] else "caret-right"

    button.observe(turn, "value")
    return widgets.VBox([button, inside])


def show(control, shown):
    """Show or hide a control."""
    control.layout.display = None if shown else "none"


def tunes():
    """List the project's melodies: pairs of what to show and the file."""
    gallery = sorted(path for path in GALLERY_DIR.glob("*.mid") if not path.stem.endswith("_bach"))
    files = [PROJECT_DIR / "input_twinkle_twinkle.mid", *gallery]
    return [(re.sub("[_-]", " ", path.stem.removeprefix("input_")).title(), path) for path in files]


class Wishes:
    """What can be asked for before a song is harmonized, beside the song itself.

    Parameters
    ----------
    harmonize : callable
        Does so, with what is asked for.
    """

    def __init__(self, harmonize):
        self._harmonize, self._suspected = harmonize, None
        whole, real = widgets.BoundedIntText, widgets.BoundedFloatText
        self.takes = described(
            whole, "Takes:", "How many arrangements to choose from", 4, min=1, max=MOST_TAKES
        )
        self.seed = described(
            whole,
            "Chance:",
            "Another number, other takes; the same number, the same takes",
            0,
            min=0,
            max=2**31 - 1,
        )
        self.creativity = described(
            real,
            "Surprise:",
            "0: always the likeliest notes; higher: more surprises",
            CREATIVITY,
            min=0,
            max=2,
            step=0.1,
        )
        pickups = [AS_IT_IS, *PICKUPS]
        self.pickup = described(
            widgets.Dropdown, "Pickup:", "How much comes before the first bar line", options=pickups
        )
        self.phrases = described(
            widgets.Text,
            "Phrases:",
            "Bar and beat of each phrase's last note, if they are not found",
            placeholder=PHRASES_SHOWN,
        )
        self.chords = described(
            widgets.Text,
            "Chords:",
            "Chords that you want, bar by bar; or the word score, for those of your file",
            placeholder=CHORDS_SHOWN,
            width="40em",
        )
        self.closeness = described(
            real,
            "How closely:",
            "How closely the chords are followed: 0 not at all, 1 as a rule, 2 nearly always",
            1.0,
            min=0,
            max=3,
            step=0.25,
        )

        self.offer = pressed("", "Its longer notes would begin on accents", self._take_offer, "check")
        show(self.offer, False)

    def offer_pickup(self, song, beats):
        """Offer a pickup that a song seems to have, or nothing if there is none.

        Parameters
        ----------
        song : str
        beats : Fraction or None

        Returns
        -------
        str
            What is said of it.
        """
        self._suspected = next((name for name, known in PICKUPS.items() if known == beats), None)
        show(self.offer, bool(self._suspected))
        if not self._suspected:
            return ""
        self.offer.description = f"Harmonize {song} with a pickup of {self._suspected}"
        return " It would fit its bars better with a pickup."

    def _take_offer(self):
        if self._suspected:  # not of a second click
            self.pickup.value = self._suspected
            self._harmonize()

    def more(self):
        """List those that are folded away."""
        return [self.takes, self.seed, self.creativity, self.pickup, self.phrases]

    def forget_the_song(self):
        """Take back what was said about another song."""
        self.chords.value = self.phrases.value = ""
        self.pickup.value = AS_IT_IS
        self.offer_pickup("", None)


class Sound:
    """How a take sounds and looks; nothing is composed again for it."""

    def __init__(self):
        choice = widgets.Dropdown
        # A choice that is None would at times be shown as no choice.
        tempi = [(AS_IT_IS, 0), *((f"{tempo} beats a minute", tempo) for tempo in TEMPI)]
        self.tempo = described(choice, "Tempo:", "How fast it is played", options=tempi)
        self.instrument = described(choice, "Instrument:", "What plays it", options=[AS_IT_IS, *INSTRUMENTS])
        moved = [
            (f"{name} {way}", sign * n)
            for sign, way in ((1, "higher"), (-1, "lower"))
            for n, name in INTERVALS.items()
        ]
        self.transposition = described(
            choice, "Move it:", "The same music higher or lower", options=[("as in the melody", 0), *moved]
        )
        self.symbols = widgets.Checkbox(
            False, description="Chord symbols in the score", tooltip="Write the chords above it", indent=False
        )
        self.symbols.layout.width = "auto"

    def all(self):
        """List them."""
        return [self.tempo, self.instrument, self.transposition, self.symbols]

    def values(self):
        """Tell them, as plain values."""
        return {name: control.value for name, control in vars(self).items()}

    def forget_the_song(self):
        """Take back what was said about another song; an instrument is a matter of taste."""
        self.tempo.index = self.transposition.index = 0

    def set(self, values):
        """Set them to what :meth:`values` has told; what is no choice stays as it is."""
        for name, control in vars(self).items():
            with contextlib.suppress(traitlets.TraitError):
                control.value = values.get(name, control.value)

    def programs(self, voices):
        """Give what ``Arrangement.write`` takes: a list of int, or None."""
        program = INSTRUMENTS.get(self.instrument.value)
        return None if program is None else [program] * voices
