"""The instrument: arrangements heard, seen, read and marked under one playhead.

What is shown is in the widget's traits. Sound and score are large, so the page asks for those of the take
that it shows, and gets them in messages of their own.
"""

from __future__ import annotations

from concurrent.futures import Future
from operator import is_

import anywidget
import traitlets

from ..songs.sound import echo
from .lay_out import draw_take, lay_out, play_take
from .modules import PAGE, join_modules

SCRIPTS = ("clock", "dom", "phrases", "player", "mixer", "transport", "roll", "score", "instrument")


class Instrument(anywidget.AnyWidget):
    """Hear, see, read and mark arrangements under one playhead.

    Attributes
    ----------
    takes : list of dict
        What :func:`.lay_out` says of each, and its ``key``, by which the page keeps sounds and scores. Set by
        :meth:`show`.
    take : int
        The one that is shown and heard.
    bars : list of int
        The bars that the user has marked, ascending, as ``Arrangement.redo(bars=)`` names them.
    note : dict or None
        The note that the user has chosen: ``voice`` (name), ``number`` (of the voice, from the top),
        ``place`` (``"5:2.5"``), ``pitch`` (``"F#4"``) and ``step``.
    phrases : list of str
        Places of the last notes of phrases, ``"4:3"``, as shown. The user moves, adds and removes them.
    """

    _esm = join_modules(*SCRIPTS)
    _css = (PAGE / "instrument.css").read_text(encoding="utf-8")

    takes = traitlets.List(traitlets.Dict()).tag(sync=True)
    take = traitlets.Int(0).tag(sync=True)
    bars = traitlets.List(traitlets.Int()).tag(sync=True)
    note = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    phrases = traitlets.List(traitlets.Unicode()).tag(sync=True)

    room = traitlets.Bytes().tag(sync=True)  # the echo that follows the mix

    def __init__(self, **options):
        self._arrangements, self._wanted, self._shows = (), {}, 0
        self._prepared = None, None  # key of a take, and what will be the sound of how it begins
        super().__init__(room=echo().tobytes(), **options)
        self.on_msg(self._answer)
        self.observe(self._follow_take, "take")

    def show(self, arrangements, names, programs=None, tempo=None, chords=False, take=None):
        """Show arrangements; nothing is computed but how they look and sound.

        Shown again, with another tempo or other instruments, they keep the place, the marked bars and the
        take that is heard.

        Parameters
        ----------
        arrangements : sequence of Arrangement
            None to show nothing.
        names : sequence of str
            One each.
        programs : sequence of int, optional
            General MIDI programs, one a voice, for all of them; by default their own.
        tempo : float, optional
            Quarter notes per minute; by default their own tempi.
        chords : bool
            With chord symbols.
        take : int, optional
            Which one is heard; by default the first, or the one that was if it is shown again.
        """
        arrangements, before = tuple(arrangements), self._arrangements
        again = len(before) == len(arrangements) and all(map(is_, before, arrangements))
        heard = self.take if take is None and again else take or 0
        wanted = {"programs": programs, "tempo": tempo, "chords": bool(chords)}
        takes = self._lay_out(arrangements, names, wanted)
        self._arrangements, self._wanted = arrangements, wanted
        with self.hold_sync():
            self.takes, self.take = takes, heard
            if not again:
                self.bars, self.note = [], None
                self.phrases = takes[heard]["phrases"] if takes else []

    def _lay_out(self, arrangements, names, wanted):
        """Lay out what is not laid out yet; what looks and sounds as before keeps its key: list of dict."""
        self._shows += 1
        same_time = wanted["tempo"] == self._wanted.get("tempo")
        laid = dict(zip(map(id, self._arrangements), self.takes, strict=True)) if same_time else {}
        kept = laid if wanted == self._wanted else {}
        takes = []
        for number, (arrangement, name) in enumerate(zip(arrangements, names, strict=True)):
            take = laid.get(id(arrangement)) or lay_out(arrangement, name, wanted["tempo"])
            key = kept[id(arrangement)]["key"] if id(arrangement) in kept else f"{self._shows}.{number}"
            takes.append(take | {"name": name, "key": key, "symbols": wanted["chords"]})
        return takes

    def _follow_take(self, change):
        """Show the phrases of another melody, if the take has another one."""
        old, new = change["old"], change["new"]
        known = range(len(self._arrangements))
        if old in known and new in known and self._melody(old) is not self._melody(new):
            self.phrases = self.takes[new]["phrases"]

    def _melody(self, take):
        return self._arrangements[take].melody

    def find_again(self, note):
        """Give a note that was chosen as it is now, or None if it is gone."""
        if note is None:
            return None
        line = self.takes[self.take]["notes"][note["number"]]
        name = next((one["name"] for one in line if one["step"] == note["step"]), None)
        return name and note | {"pitch": name}

    def prepare(self):
        """Play how the shown take begins, before something else is done that keeps the machine busy."""
        self._prepared = self.takes[self.take]["key"], (waiting := Future())
        try:
            waiting.set_result(self._play(self.take, 0))
        except Exception as error:  # said when the page asks
            waiting.set_exception(error)

    def _play(self, number, begin):
        return play_take(self._arrangements[number], self._wanted["programs"], self._wanted["tempo"], begin)

    def _answer(self, _, message, buffers):
        """Send what the page asks for; what goes wrong is said there."""
        key = message.get("key", "")
        numbers = {take["key"]: number for number, take in enumerate(self.takes)}
        if key not in numbers:  # of takes that are shown no more
            return
        number = numbers[key]
        try:
            if message["kind"] == "sound":
                prepared, waiting = self._prepared
                begins = key == prepared and message.get("begin") == 0
                facts, clips = waiting.result() if begins else self._play(number, message.get("begin"))
                self.send({"kind": "sound", "key": key, **facts}, clips)
            elif message["kind"] == "score":
                heads, pages = draw_take(
                    self._arrangements[number],
                    self.takes[number]["notes"],
                    int(message["width"]),
                    self._wanted["chords"],
                )
                self.send({"kind": "score", "key": key, "width": message["width"], "heads": heads}, pages)
        except Exception as error:  # nobody sees a traceback of a widget, and without a score there is sound
            text = f"No {message['kind']}: {error or type(error).__name__}"
            self.send({"kind": "trouble", "of": message["kind"], "key": key, "text": text})
