"""Damage in MIDI files that players pass over without a word, mended so that the parser does too."""

from __future__ import annotations

import struct

from mido.midifiles.meta import build_meta_message

LONGEST_WRAPPING = 256  # bytes before the header: RIFF has 20 of them, a Mac's 128
HEADER = 14  # bytes
NOTHING = 0x7F  # the kind of a meta event whose content only its maker understands
DATA_BYTES = {0xC: 1, 0xD: 1}  # of a channel message by its upper half; two for all others


def find_header(data):
    """Find the place of a MIDI header, also in a wrapping such as RIFF; -1 if there is none."""
    return data.find(b"MThd", 0, LONGEST_WRAPPING)


def mend_chunks(data):
    """Leave of a file what belongs to Standard MIDI: a header and tracks, as many as it promises.

    Parameters
    ----------
    data : bytes
        With a header, see :func:`find_header`.

    Returns
    -------
    bytes
    tuple of str
        What was done, a sentence each.
    """
    start = find_header(data)
    if len(data) < start + HEADER:
        return data, ()
    length, kind, promised, ticks = struct.unpack_from(">IHHH", data, start + 4)
    place = start + 8 + (length if 6 <= length < LONGEST_WRAPPING else 6)
    tracks, remarks, foreign, after = [], [], 0, 0
    while place < len(data):
        name, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "big")
        end = place + 8 + size
        if name == b"MTrk":
            tracks.append(data[place:end])
        elif name.isalnum() and name.isascii() and end <= len(data):
            foreign += 1
        else:  # no chunk at all
            end = data.find(b"MTrk", place)
            if end < 0:
                after = len(data) - place
                break
            foreign += 1
        place = end
    if start:
        remarks.append(f"{start} bytes of wrapping before the MIDI header, passed over.")
    if foreign:
        remarks.append(f"{foreign} foreign chunk{'s' * (foreign > 1)} between its tracks, passed over.")
    if after:
        remarks.append(f"{after} bytes after its last track, passed over.")
    if len(tracks) != promised:
        remarks.append(
            f"Its header promises {promised} tracks, there are {len(tracks)}: all of them are read."
        )
    if not tracks:
        return data[start:], ()
    header = struct.pack(">IHHH", 6, kind, min(len(tracks), 0xFFFF), ticks)
    return b"MThd" + header + b"".join(tracks), tuple(remarks)


def mend_events(data):
    """Make the parser skip what no MIDI file can mean, such as a key signature of 18 flats.

    Parameters
    ----------
    data : bytes
        Of :func:`mend_chunks`.

    Returns
    -------
    bytes
        As long as before.
    int
        How many events were made to say nothing.
    """
    data, place, mended = bytearray(data), HEADER, 0
    while data[place : place + 4] == b"MTrk":
        end = place + 8 + int.from_bytes(data[place + 4 : place + 8], "big")
        mended += _mend_track(data, place + 8, min(end, len(data)))
        place = end
    return bytes(data), mended


def _mend_track(data, place, end):
    """Give meta events of a track that cannot be understood the kind ``NOTHING``; count them."""
    mended, status = 0, 0
    while place < end:
        _, place = _number(data, place, end)
        if place >= end:
            break
        event = data[place]
        if event == 0xFF:
            kind_at = place + 1
            length, place = _number(data, place + 2, end)
            if place + length <= end and not _is_possible(data[kind_at], data[place : place + length]):
                data[kind_at] = NOTHING
                mended += 1
            place += length
        elif event in (0xF0, 0xF7):
            length, place = _number(data, place + 1, end)
            place += length
        else:
            status = event if event >= 0x80 else status
            place += (event >= 0x80) + DATA_BYTES.get(status >> 4, 2)
    return mended


def _number(data, place, end):
    """Read a number of seven bits a byte: it, and the place after it."""
    value = 0
    while place < end:
        value = value << 7 | data[place] & 0x7F
        place += 1
        if data[place - 1] < 0x80:
            break
    return value, place


def _is_possible(kind, content):
    try:
        # One of an unknown kind would lose the time that passes before it.
        return build_meta_message(kind, content).type != "unknown_meta"
    # The parser meets bad bytes with whatever exception they happen to cause.
    except Exception:
        return False
