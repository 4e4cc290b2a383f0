"""A take as a file: MIDI, a score, sound, a picture of the score; and the way to the reader's downloads."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import anywidget

from ..songs.engrave import engrave
from ..songs.sound import encode_mp3, render

MEDIA_TYPES = {
    "MIDI": (".mid", "audio/midi"),
    "MusicXML": (".musicxml", "application/vnd.recordare.musicxml+xml"),
    "MP3": (".mp3", "audio/mpeg"),
    "SVG": (".svg", "image/svg+xml"),
}
SAMPLE_RATE = 44_100  # Hz: what players of every age take
KBITS = 128  # per second
PAPER = 'style="background:white"'
NOT_IN_NAMES = re.compile(r'[\\/:*?"<>|\x00-\x1f]+')


def make_file(arrangement, kind, programs=None, tempo=None, chords=False):
    """Make a file of an arrangement.

    Parameters
    ----------
    arrangement : Arrangement
    kind : str
        One of ``MEDIA_TYPES``.
    programs, tempo, chords
        As for ``Arrangement.write``.

    Returns
    -------
    str
        The ending.
    bytes
        A sound is stereo at 44.1 kHz. A score of more than one page is a .zip of pictures.
    """
    ending = MEDIA_TYPES[kind][0]
    with TemporaryDirectory() as folder:
        if kind == "SVG":
            path = arrangement.write(Path(folder) / "take.musicxml", programs, tempo, chords)
            pages = [page.replace("<svg ", f"<svg {PAPER} ", 1).encode() for page in engrave(path)]
            return (ending, pages[0]) if len(pages) == 1 else (".zip", _zipped(pages, ending))
        midi = ending if kind != "MP3" else MEDIA_TYPES["MIDI"][0]
        path = arrangement.write(Path(folder) / f"take{midi}", programs, tempo, chords)
        if kind == "MP3":
            return ending, encode_mp3(render(path, SAMPLE_RATE), SAMPLE_RATE, KBITS)
        return ending, path.read_bytes()


def file_name(title, ending):
    """Make a name that every system takes."""
    return (NOT_IN_NAMES.sub("-", title).strip(" .") or "music") + ending


def _zipped(pages, ending):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as bundle:
        for number, page in enumerate(pages, start=1):
            bundle.writestr(f"page-{number}{ending}", page)
    return archive.getvalue()


class Courier(anywidget.AnyWidget):
    """Hands files to the reader's browser for its downloads; and cares for the panel in the page."""

    _css = (Path(__file__).parent / "page" / "panel.css").read_text(encoding="utf-8")
    _esm = """
    const AS_TYPED = "data-lm-suppress-shortcuts";

    function deliver(message, buffers) {
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob(buffers, { type: message.media }));
        link.download = message.name;
        document.body.append(link);
        link.click();
        link.remove();
        setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    }
    export default {
        initialize({ model }) { model.on("msg:custom", deliver); },
        render({ el }) {
            // Else a letter that is typed to choose from a list would be a command to Jupyter, such as to
            // delete the cell.
            const guard = () => {
                const panel = el.closest(".bach-panel");
                if (!panel) waiting = setTimeout(guard, 50);
                else panel.addEventListener("focusin", ({ target }) => target.setAttribute(AS_TYPED, ""));
            };
            let waiting = setTimeout(guard);
            return () => clearTimeout(waiting);
        },
    };
    """

    def deliver(self, name, data):
        """Hand over a file.

        Parameters
        ----------
        name : str
        data : bytes
        """
        media = dict(MEDIA_TYPES.values()).get(Path(name).suffix, "application/octet-stream")
        self.send({"name": name, "media": media}, [data])
