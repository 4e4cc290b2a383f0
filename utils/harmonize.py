"""Set three voices in the style of Bach below a melody: ``python -m utils.harmonize melody.mid``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from .arranger.proposals import CREATIVITY
from .songs.song import MIDI_ENDINGS, SCORES_TO_WRITE, SOUND_ENDINGS, MelodyError

ENDINGS = (*MIDI_ENDINGS, *SCORES_TO_WRITE, *SOUND_ENDINGS)
LONGEST_PICKUP = 64  # quarter notes: no bar is that long
EPILOG = """\
examples:
  %(prog)s song.mid
  %(prog)s song.musicxml --output song_bach.mid song_bach.musicxml song_bach.mp3
  %(prog)s song.mid --track flute --seed 3
  %(prog)s song.mid --all-takes
  %(prog)s song.musicxml --keep soprano bass
  %(prog)s song_bach.musicxml --keep all --redo 5-8 --seed 1
  %(prog)s song.mid --chords "C | F C | G7 C"
  %(prog)s --panel
"""


def _parser():
    installed = Path(sys.argv[0]).name == "bach-harmonize"
    parser = argparse.ArgumentParser(
        prog="bach-harmonize" if installed else f"python -m {__package__}.harmonize",
        description="Set three voices (alto, tenor, bass) in the style of Bach below a melody, or write the "
        "voices that are missing from what is kept. What is given stays as it is, note for note.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("melody", nargs="?", help="a MIDI file (.mid) or a score (.musicxml, .xml, .mxl)")
    parser.add_argument(
        "--panel",
        action="store_true",
        help="open an instrument in the browser instead: enter or choose a melody, hear, change and keep",
    )
    parser.add_argument("--port", type=int, help="of the panel's page, on this machine alone (8866)")
    parser.add_argument(
        "--no-browser", action="store_true", help="only print the address of the panel's page"
    )
    parser.add_argument(
        "--output",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="where to write; the ending says what: .mid, .musicxml, .mp3 or .wav "
        "(default: <melody>_accompanied.mid beside the melody)",
    )
    parser.add_argument(
        "--keep",
        nargs="+",
        metavar="VOICE",
        help="which parts of the file stay: soprano, alto, tenor, bass, or all; or which track each one is, "
        "as in bass=cello (default: the melody)",
    )
    parser.add_argument(
        "--redo", nargs="+", metavar="BARS", help="of what is kept, write these bars anew, as in 5-8 11"
    )
    parser.add_argument("--voices", nargs="+", metavar="VOICE", help="of which voices to redo bars (all)")
    parser.add_argument("--chords", help='chords to follow, as in "C | F C | G7 C", or "score" for its own')
    parser.add_argument(
        "--closeness", type=float, default=1.0, help="how closely: 0 not at all, 2 nearly always (1)"
    )
    parser.add_argument("--all-takes", action="store_true", help="write several takes, the sober one first")
    parser.add_argument("--takes", type=int, default=8, help="how many those are (8)")
    parser.add_argument(
        "--seed", type=int, help="write a take with this noise (default: the sober answer, without noise)"
    )
    parser.add_argument(
        "--creativity",
        type=float,
        default=CREATIVITY,
        help="size of the noise that makes takes differ: 0 the sober answer, up to about 2 (%(default)s)",
    )
    parser.add_argument("--tempo", type=float, help="quarter notes per minute (default: the melody's own)")
    parser.add_argument("--track", help="the track with the melody: a number from 0 or a piece of its name")
    parser.add_argument("--pickup", type=float, help="quarter notes before the first bar line")
    parser.add_argument("--play-repeats", action="store_true", help="play a score's repeats out")
    parser.add_argument(
        "--phrases",
        nargs="+",
        metavar="BAR:BEAT",
        help="where the last note of each phrase sounds, as in 2:3 4:3, or none (default: fermatas and "
        "breath marks tell, else it is guessed)",
    )
    parser.add_argument(
        "--programs",
        type=int,
        nargs="+",
        metavar="NUMBER",
        help="General MIDI instruments, 0..127: one for all, or one a voice (default: pianos)",
    )
    return parser


def main(arguments=None):
    """Read the command line, arrange, write, and say what was done; 0 if all went well."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.panel:
        return _open_panel(parser, options)
    if options.melody is None:
        parser.error("name a melody, or open the panel with --panel")
    outputs = options.output or [
        Path(options.melody).with_name(f"{Path(options.melody).stem}_accompanied.mid")
    ]
    _check(parser, options, outputs)
    from .arranger.takes import harmonize_takes  # here, so that --help and mistakes are answered at once

    track = int(options.track) if options.track and options.track.isdecimal() else options.track
    sober = 1 if options.all_takes or options.seed is None else 0
    if options.all_takes and not options.creativity:
        print("Without noise (--creativity 0) all takes are alike: one is written.")
        options.takes = 1
    try:
        takes = harmonize_takes(
            options.melody,
            options.takes if options.all_takes else 1,
            options.seed or 0,
            options.creativity,
            keep=_keep(options.keep),
            redo=options.redo,
            redo_voices=options.voices,
            chords=options.chords,
            closeness=options.closeness,
            track=track,
            pickup=options.pickup,
            play_repeats=options.play_repeats,
            phrases=options.phrases and " ".join(options.phrases),
            sober=sober,
        )
    except MelodyError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    print(*takes[0].report, sep="\n")
    for number, take in enumerate(takes, start=1):
        written = []
        for output in outputs:
            file = output if number == 1 else output.with_name(f"{output.stem}_take-{number}{output.suffix}")
            _write(take, file, options)
            written.append(str(file))
        print(f"take {number}: price {take.scores['price']:.2f}", *written)
    return 0


def _open_panel(parser, options):
    if options.melody is not None:
        parser.error("--panel opens a page in which a melody is chosen: leave the file out")
    if options.port is not None and not 0 < options.port < 65536:
        parser.error(f"--port {options.port}: give a number in 1..65535, 8866 as a rule")
    from .panel.serve import serve  # here, because it takes a second to import

    try:
        serve(options.port, not options.no_browser)
    except OSError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    return 0


def _keep(words):
    """Read what is to be kept: names of voices, or tracks by voice."""
    if words and any("=" in word for word in words):
        return dict(word.split("=", 1) if "=" in word else (word, word) for word in words)
    return " ".join(words) if words else None


def _check(parser, options, outputs):
    """Refuse what could only fail after the work is done."""
    for output in outputs:
        folder = output.parent
        while not folder.exists():
            folder = folder.parent
        if output.suffix.lower() not in ENDINGS:
            parser.error(f"--output {output}: the ending is none of {', '.join(ENDINGS)}")
        if output.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
            parser.error(f"--output {output}: no file can be written there")
        if output.resolve() == Path(options.melody).resolve():
            parser.error(f"--output {output}: that is the melody itself")
    if options.takes < 1:
        parser.error(f"--takes {options.takes}: ask for at least one")
    if not 0 <= options.creativity < 100:
        parser.error(f"--creativity {options.creativity}: give 0 or more, as a rule up to 2")
    if options.pickup is not None and not 0 <= options.pickup <= LONGEST_PICKUP:
        parser.error(f"--pickup {options.pickup}: give 0 to {LONGEST_PICKUP} quarter notes")
    if options.tempo is not None and not 4 <= options.tempo <= 1000:
        parser.error(f"--tempo {options.tempo}: give 4 to 1000 quarter notes per minute")
    if not 0 <= options.closeness < 100:
        parser.error(f"--closeness {options.closeness}: give 0 or more, as a rule 1")
    if (options.redo or options.voices) and not options.keep:
        parser.error("--redo and --voices say what to write anew of what is kept: add --keep all")
    if options.seed is not None and options.seed < 0:
        parser.error(f"--seed {options.seed}: give 0 or more")
    if options.programs and not all(0 <= program < 128 for program in options.programs):
        parser.error(f"--programs {options.programs}: give numbers in 0..127")
    if options.programs and len(options.programs) not in (1, 4):
        parser.error(f"--programs: {len(options.programs)} numbers; give one, or four, one a voice")


def _write(take, file, options):
    programs = options.programs * 4 if options.programs and len(options.programs) == 1 else options.programs
    if file.suffix.lower() not in SOUND_ENDINGS:
        take.write(file, programs, options.tempo)
        return
    from .songs.sound import write_audio

    midi = file.with_name(f".{file.stem}.{os.getpid()}.mid")
    try:
        write_audio(take.write(midi, programs, options.tempo), file)
    finally:
        midi.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
