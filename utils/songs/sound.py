"""From a MIDI file to sound: additive synthesis, then a compressed clip that any browser plays.

Nothing here needs a network, a system library or a soundfont. Where FluidSynth and a soundfont are
installed they are used by themselves; ``SOUNDFONT=none`` in the environment keeps the built-in sounds,
``SOUNDFONT=<file>`` names another soundfont. The MP3 encoder is the ffmpeg that the package
imageio-ffmpeg brings along.
"""

from __future__ import annotations

import io
import os
import subprocess
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import imageio_ffmpeg
import mido
import numpy as np
import pretty_midi
from scipy.io import wavfile
from scipy.signal import oaconvolve

from ..path_utils import atomic_write
from .song import SOUND_ENDINGS
from .tones import ORGAN, PIANO, play_line, ramp

SAMPLE_RATE = 22050  # Hz; carries every partial that these timbres have
CHANNELS = 2
VOICE_PEAK = 0.9  # of a voice by itself
PEAK = 10 ** (-4.5 / 20)  # -4.5 dBFS: a decibel for the encoder and three for mixing down to mono
LONGEST = 3600.0  # seconds; two channels of an hour take 0.6 GB
MOST_TICKS = 1_000_000  # in a table of which pretty_midi looks up each note
ENOUGH_TICKS = 480  # a beat, what most music software writes
SILENCE = 0.5  # seconds, for a file without notes
FADE = 1.5  # seconds, where a sound is cut short
MP3_KBITS = 40  # per second, both channels: 5 s in 25 kB
# LAME's quality 7 leaves noise shaping out: 2 to 5 dB nearer to these timbres, and faster.
MP3_QUALITY = 7
MP3_LEVEL = 10 ** (1 / 20)  # the most by which encoding may change the peak
MP3_ATTEMPTS = 5
WIDEST_PAN = 0.7  # of the way to one side, for the outer voices
REVERB_SECONDS = 0.9
REVERB_DECAY = 0.2  # seconds to fall to 1/e
REVERB_DELAY = 0.012  # seconds
REVERB_LEVEL = 0.15  # of the dry sound; more would blur where the voices stand
SOUNDFONT_FOLDERS = (  # Debian and Ubuntu, Fedora and Arch, Homebrew, FluidSynth's own, yours
    "/usr/share/sounds/sf2",
    "/usr/share/sounds/sf3",
    "/usr/share/soundfonts",
    "/usr/local/share/soundfonts",
    "/opt/homebrew/share/soundfonts",
    "/usr/local/share/fluidsynth",
    "~/.fluidsynth",
    "~/Library/Audio/Sounds/Banks",
    "C:/soundfonts",
)
FLUIDSYNTH_GAIN = 0.5  # one voice at full velocity stays below 0 dBFS


def find_soundfont():
    """Find what FluidSynth would play with.

    Returns
    -------
    Path or None
        The file that the environment variable ``SOUNDFONT`` names, else the first in the usual folders,
        else the small one that comes with pretty_midi. None if FluidSynth or its package pyfluidsynth is
        missing, or if ``SOUNDFONT`` is ``none``.

    Raises
    ------
    FileNotFoundError
        ``SOUNDFONT`` names no file.
    """
    chosen = os.environ.get("SOUNDFONT", "")
    if chosen.lower() == "none":
        return None
    if chosen and not Path(chosen).is_file():
        raise FileNotFoundError(f"SOUNDFONT is {chosen!r}, which is no file. Correct it, or unset it.")
    try:
        import fluidsynth  # noqa: F401 (it looks for its system library here)
    except Exception:  # without that library it raises ImportError, with a broken one whatever it meets
        return None
    if chosen:
        return Path(chosen)
    folders = [Path(folder).expanduser() for folder in SOUNDFONT_FOLDERS]
    installed = [
        file for folder in folders for kind in ("*.sf2", "*.sf3") for file in sorted(folder.glob(kind))
    ]
    bundled = Path(pretty_midi.__file__).with_name(pretty_midi.fluidsynth.DEFAULT_SF2)
    return next((file for file in (*installed, bundled) if file.is_file()), None)


def render(midi_path, fs=SAMPLE_RATE, soundfont="auto", seconds=None):
    """Play a MIDI file into a stereo waveform.

    Voices are spread from left to right in the order of their tracks. With the built-in sounds organs
    (programs 16 to 23) sound organ-like, all others piano-like, and pitch bends and pedals are left out.
    Drums are always left out.

    Parameters
    ----------
    midi_path : str or Path
    fs : int
        Samples per second.
    soundfont : str, Path or None
        FluidSynth plays with this .sf2 or .sf3 file. ``"auto"`` takes what :func:`find_soundfont` finds,
        and the built-in sounds if it finds nothing; None takes the built-in sounds.
    seconds : float, optional
        Play no more than that, and fade out.

    Returns
    -------
    float32 array [sample, channel=2]
        Peak at -4.5 dBFS; half a second of zeros if there is nothing to play.

    Raises
    ------
    FileNotFoundError
        No such MIDI file or soundfont.
    ValueError
        Not a readable MIDI file or soundfont, longer than an hour, or ``seconds`` not above 0.
    ImportError
        A soundfont is given and FluidSynth or its package pyfluidsynth is missing.
    """
    if seconds is not None and not seconds > 0:
        raise ValueError(f"seconds={seconds}: expected more than 0, or None for the whole piece.")
    if soundfont == "auto":
        soundfont = find_soundfont()
    elif soundfont is not None and not Path(soundfont).is_file():
        raise FileNotFoundError(f"No soundfont at {soundfont}. Leave it out to use the built-in sounds.")
    midi = _read(midi_path)
    voices = [track for track in midi.instruments if track.notes and not track.is_drum]
    pans = pan_shares(len(voices))
    if seconds is not None:
        _cut(voices, 0, seconds)
    end = max((note.end for voice in voices for note in voice.notes), default=0)
    if not end:
        return np.zeros((int(SILENCE * fs), CHANNELS), np.float32)
    _check_length(midi_path, end)

    sound = np.zeros((CHANNELS, _samples(end, fs)), np.float32)
    for mono, pan in zip(_play_all(voices, fs, sound.shape[1], soundfont), pans, strict=True):
        for channel, share in zip(sound, pan, strict=True):
            channel[: len(mono)] += share * mono
    sound += _reverb(sound.mean(axis=0), fs)
    if seconds is not None and sound.shape[1] > seconds * fs:
        sound = sound[:, : max(1, round(seconds * fs))]
        fade = ramp(min(FADE, seconds / 2), fs)[::-1][-sound.shape[1] :]
        sound[:, -len(fade) :] *= fade
    sound *= np.float32(PEAK / max(sound.max(), -sound.min(), 1e-9))
    return sound.T


def render_voices(midi_path, fs=SAMPLE_RATE, soundfont="auto", excerpt=None):
    """Play each voice of a MIDI file by itself, to be mixed by somebody else.

    Spread from left to right by :func:`pan_places` at equal power, added up, and followed by their mean's
    :func:`echo`, they are what :func:`render` makes of the file, but for one factor.

    Parameters
    ----------
    midi_path : str or Path
        As :func:`.write_tracks` writes it: a track a voice, behind that of the conductor.
    fs, soundfont : optional
        As for :func:`render`.
    excerpt : (float, float), optional
        From which second to which: what is cut out of the whole, without the rest being played.

    Yields
    ------
    float32 array [sample]
        One a voice, all of one length, dry.

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        As :func:`render`.
    """
    if soundfont == "auto":
        soundfont = find_soundfont()
    midi = mido.MidiFile(midi_path)
    voices, end = [], 0.0
    for track in midi.tracks[1:]:
        voices.append(_parse([midi.tracks[0], track], midi.ticks_per_beat).instruments)
        end = max([end, *(note.end for played in voices[-1] for note in played.notes)])
    _check_length(midi_path, end)
    first, last = excerpt or (0, end)
    for played in voices:
        _cut(played, first, last)
    samples = _samples(min(end, last + FADE), fs)
    window = slice(round(first * fs), round(last * fs)) if excerpt else slice(None)
    for played in voices:
        mono = np.zeros(samples, np.float32)
        for own in _play_all([one for one in played if not one.is_drum], fs, samples, soundfont):
            mono[: len(own)] += own
        yield mono[window]


def pan_places(voices):
    """Place voices from left, -1, to right, 1: float array [voice]."""
    return np.linspace(-WIDEST_PAN, WIDEST_PAN, voices) if voices > 1 else np.zeros(1)


def encode_voice(mono, fs=SAMPLE_RATE):
    """Compress one voice quickly, so that a player finds its first sample again.

    Parameters
    ----------
    mono : float32 array [sample]
    fs : int

    Returns
    -------
    bytes
        MP3, as loud as possible. Its head tells by how much the encoder has shifted the sound.
    float
        What the decoded sound is to be multiplied with.
    """
    peak = max(float(np.abs(mono).max(initial=0)), 1e-6) / VOICE_PEAK
    raw = (mono / np.float32(peak)).tobytes()
    options = ["-f", "f32le", "-ar", str(fs), "-ac", "1", "-i", "pipe:0", "-c:a", "libmp3lame"]
    options += ["-b:a", f"{MP3_KBITS}k", "-compression_level", str(MP3_QUALITY), "-f", "mp3"]
    with TemporaryDirectory() as folder:  # into a pipe the head cannot be written
        _ffmpeg([*options, str(Path(folder) / "voice.mp3")], raw, f"a voice of {len(mono) / fs:.0f} s")
        return (Path(folder) / "voice.mp3").read_bytes(), peak


def encode_mp3(waveform, fs=SAMPLE_RATE, kbits=MP3_KBITS):
    """Compress a waveform.

    Parameters
    ----------
    waveform : float array [sample] or [sample, channel=1|2]
        In [-1, 1]; what lies outside is clipped by the encoder.
    fs : int
        Samples per second. A rate that MP3 does not know is changed to the nearest that it knows.
    kbits : int
        Per second, all channels together.

    Returns
    -------
    bytes
        MP3 at a constant rate, joint stereo. Decoded, its peak is that of the waveform to within a
        decibel. The same waveform always gives the same bytes.

    Raises
    ------
    ValueError
        Wrong shape, no samples, or no possible rate.
    """
    waveform = np.asarray(waveform, np.float32)
    channels = 1 if waveform.ndim == 1 else waveform.shape[-1]
    if waveform.ndim not in (1, 2) or channels not in (1, 2) or not len(waveform):
        raise ValueError(f"Expected a waveform [sample] or [sample, channel=1|2], found {waveform.shape}.")
    raw = ["-f", "f32le"]
    encode = [*raw, "-ar", str(fs), "-ac", str(channels), "-i", "pipe:0", "-c:a", "libmp3lame"]
    encode += ["-b:a", f"{kbits}k", "-compression_level", str(MP3_QUALITY), "-f", "mp3", "pipe:1"]
    decode = ["-f", "mp3", "-i", "pipe:0", *raw, "pipe:1"]
    what = f"{waveform.shape} at {fs} Hz"
    peak, gain = min(1.0, float(np.abs(waveform).max())), np.float32(1)
    for _ in range(MP3_ATTEMPTS):
        clip = _ffmpeg(encode, (gain * waveform).tobytes(), what)
        # What the encoder leaves out can lift a peak, so that only the decoded sound tells how loud it is.
        decoded = np.frombuffer(_ffmpeg(decode, clip, what), np.float32)
        error = peak / max(float(np.abs(decoded).max(initial=0)), 1e-9)
        if not peak or 1 / MP3_LEVEL <= error <= MP3_LEVEL:
            break
        gain *= np.float32(error)
    return clip


def write_audio(midi_path, audio_path, soundfont="auto", seconds=None):
    """Write a MIDI file as sound: 16-bit WAV or MP3, by the ending of ``audio_path``.

    The file appears under its name only when it is complete.

    Parameters
    ----------
    midi_path, audio_path : str or Path
    soundfont, seconds : optional
        As for :func:`render`.

    Returns
    -------
    Path
        Of the sound.

    Raises
    ------
    ValueError
        An ending other than .wav and .mp3. Otherwise as :func:`render`.
    """
    ending = Path(audio_path).suffix.lower()
    if ending not in SOUND_ENDINGS:
        raise ValueError(f"Cannot write {audio_path}: the ending is {ending!r}, expected '.wav' or '.mp3'.")
    waveform = render(midi_path, soundfont=soundfont, seconds=seconds)
    if ending == ".mp3":
        clip = encode_mp3(waveform)
        return atomic_write(audio_path, lambda name: Path(name).write_bytes(clip))
    pcm = np.round(waveform * np.iinfo(np.int16).max).astype(np.int16)
    return atomic_write(audio_path, lambda name: wavfile.write(name, SAMPLE_RATE, pcm))


def _read(midi_path):
    path = Path(midi_path)
    if not path.is_file():
        raise FileNotFoundError(f"No MIDI file at {path}. Check the name, or run the cell that writes it.")
    try:
        midi = mido.MidiFile(path)
        return _parse(midi.tracks, midi.ticks_per_beat)
    except Exception as error:  # the parser raises whatever it trips over
        raise ValueError(f"{path} is not a readable MIDI file ({error!r}). Export it again.") from error


def _parse(tracks, ticks_per_beat):
    """Let pretty_midi read tracks; it makes a table of all ticks, and refuses too many."""
    if ticks_per_beat > ENOUGH_TICKS and max(map(_last_tick, tracks)) >= MOST_TICKS:
        tracks = [_in_ticks(track, Fraction(ENOUGH_TICKS, ticks_per_beat)) for track in tracks]
        ticks_per_beat = ENOUGH_TICKS
    file = io.BytesIO()
    mido.MidiFile(type=1, ticks_per_beat=ticks_per_beat, tracks=tracks, charset="utf-8").save(file=file)
    file.seek(0)
    return pretty_midi.PrettyMIDI(file)


def _last_tick(track):
    return sum(message.time for message in track)


def _in_ticks(track, ratio):
    """Count the time of a track otherwise; roundings do not add up."""
    ticks = [0, *(round(ratio * tick) for tick in accumulate(message.time for message in track))]
    pairs = zip(track, pairwise(ticks), strict=True)
    return mido.MidiTrack(message.copy(time=after - before) for message, (before, after) in pairs)


def _check_length(midi_path, seconds):
    if seconds > LONGEST:
        raise ValueError(
            f"{midi_path} lasts {seconds:.0f} s; at most {LONGEST:.0f} s are played. Cut it into parts, or "
            "ask for the first seconds."
        )


def _cut(voices, first, last):
    """Leave out the notes of instruments that are not heard between two seconds, and shorten the last."""
    for voice in voices:
        voice.notes = [note for note in voice.notes if note.start < last and note.end + FADE > first]
        for note in voice.notes:
            note.end = min(note.end, last + FADE)


def _samples(end, fs):
    """Count the samples of a sound whose last note ends after so many seconds, its echo included."""
    return int((end + max(PIANO.release, ORGAN.release) + REVERB_SECONDS) * fs) + 1


def _ffmpeg(options, data, what):
    """Pass bytes through ffmpeg."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *options]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip()
        raise ValueError(f"ffmpeg could not convert {what}: {reason}")
    return done.stdout


def pan_shares(voices):
    """Share voices between the ears at equal power, as they are placed: float32 [voice, channel=2]."""
    angle = (pan_places(voices) + 1) * np.pi / 4
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1).astype(np.float32)


def _play_all(voices, fs, samples, soundfont):
    """Yield the sound of each instrument: float32 [sample], with FluidSynth if there is a soundfont."""
    if soundfont is None:
        yield from (play_line(voice, fs, samples) for voice in voices)
        return
    try:
        import fluidsynth
    except ImportError as error:
        raise ImportError(
            f"To play with {soundfont}, install FluidSynth and the package pyfluidsynth. "
            "Leave the soundfont out to use the built-in sounds."
        ) from error

    # Reverberation is added to all voices together, below; a chorus would put them out of tune.
    effects = {"synth.reverb.active": 0, "synth.chorus.active": 0}
    synthesizer = fluidsynth.Synth(FLUIDSYNTH_GAIN, float(fs), **effects)
    try:
        bank = synthesizer.sfload(str(soundfont))
        if bank < 0:
            raise ValueError(f"{soundfont} is not a readable soundfont. Give another .sf2 or .sf3 file.")
        for voice in voices:
            synthesizer.system_reset()
            # pretty_midi cannot play no notes, and a limit in seconds may leave a voice without.
            mono = voice.fluidsynth(fs, synthesizer, bank) if voice.notes else np.zeros(0)
            yield mono[:samples].astype(np.float32)
    finally:
        synthesizer.delete()


def echo(fs=SAMPLE_RATE):
    """Make what a small room answers to a click, modeled as fading noise: float32 [channel=2, sample]."""
    time = np.arange(round(REVERB_SECONDS * fs)) / fs
    answer = np.random.default_rng(0).standard_normal((CHANNELS, len(time)))
    answer *= np.exp(-time / REVERB_DECAY) * (time > REVERB_DELAY)
    answer *= REVERB_LEVEL / np.sqrt(np.sum(answer**2, axis=1, keepdims=True))
    return answer.astype(np.float32)


def _reverb(mono, fs):
    """Let a sound echo: [channel=2, sample]."""
    wet = oaconvolve(mono[None], echo(fs), axes=1)
    return wet[:, : len(mono)]
