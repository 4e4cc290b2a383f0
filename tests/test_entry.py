"""A tune that is entered, as far as it is Python's matter."""

import re
import threading

import pytest

from utils.panel.entry import EMPTY, TuneEntry, describe, read_so_far
from utils.songs.engrave_typed import engrave_typed, to_pae
from utils.songs.song import MelodyError
from utils.songs.typed import TYPED_EXAMPLE, parse_notes


def test_what_is_typed_is_understood_as_one_types():
    entry = TuneEntry()
    assert (entry.understood, entry.mistake, entry.tune) == (EMPTY, "", [])
    entry.value = "C5 D5:1/2 r:1.5 E5:2!"
    assert entry.tune == [[72, 1.0], [74, 0.5], [None, 1.5], [76, 2.0]]
    assert entry.understood == "3 notes, 5 beats, 1 phrase end"
    assert entry.mistake == ""
    assert entry.staff.startswith("<svg")


@pytest.mark.parametrize(
    ("text", "beginning", "place"),
    [
        ("C5 D5 H5 E5", "C5 D5", "Note 3, 'H5'"),
        ("C5:", "", "Note 1, 'C5:'"),
        ("r C5 | D5:x, E5", "r C5", "Note 3, 'D5:x'"),
        ("r r", "", "There are only rests"),
        ("C5! D5 ! ?", "C5! D5 !", "Note 3, '?'"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_the_beginning_stays(text, beginning, place):
    read, mistake = read_so_far(text)
    assert read == beginning
    assert mistake.startswith(place)
    entry = TuneEntry(text)
    assert entry.mistake == mistake
    assert entry.understood == describe(parse_notes(beginning) if beginning else [])


def test_all_that_is_understood_is_on_the_staff():
    drawn = [TuneEntry(text).staff for text in ("", "C5", "C5 D5 E5", "C5 D5 E5 H")]
    assert [len(re.findall('class="note"', svg)) for svg in drawn] == [0, 1, 3, 3]
    assert 'color="black"' not in drawn[2]  # nor is it on a dark page


def test_the_staff_is_drawn_in_any_thread():
    drawn = []
    thread = threading.Thread(target=lambda: drawn.append(engrave_typed(TYPED_EXAMPLE)))
    thread.start()
    thread.join()
    assert drawn == [engrave_typed(TYPED_EXAMPLE)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", ""),
        ("C4 C5:2 B3", "4'C2''C4,B"),
        ("C5:3 D5:2", "2.''C4''D+/4''D"),  # tied over the bar line
        ("C5:1/2 D5:1/2 E5:1/2 r:1/2", "{8''C8''D}8''E8-"),  # a beam within each beat
        ("F#5 F#5 F5 F#5 | F5 F#5", "4''xF4''F4''nF4''xF/4''F4''xF"),
        ("Cb5 B#4 C5", "4''bC4'xB4''nC"),  # octaves of what is written
        ("C5:5/4!", "4''C+6(''C)"),
        ("C5:1/3 D5:1/3 E5:1/3", "{6.''C6''D6.''E}"),
    ],
)
def test_notes_are_coded(text, code):
    assert to_pae(text) == code


def test_the_staff_refuses_what_the_reader_refuses():
    with pytest.raises(MelodyError, match="'H5'"):
        engrave_typed("H5")


def test_a_file_keeps_its_name_but_no_folder():
    entry = TuneEntry()
    assert entry.file is None
    entry.set_state({"file": ["..\\over/there/tune.mid", memoryview(b"MThd")]})
    assert entry.file == ("tune.mid", b"MThd")
    entry.set_state({"file": None})
    assert entry.file is None
