import re
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import mido
import numpy as np
import pretty_midi
import pytest
from scipy.io import wavfile
from scipy.signal import freqz

from utils.songs.sound import (
    FADE,
    SAMPLE_RATE,
    encode_mp3,
    find_soundfont,
    render,
    render_voices,
    write_audio,
)
from utils.songs.write_midi import write_midi

PIANO, ORGAN = 0, 19
# The two filters of ITU-R BS.1770-4.
SHELF = (1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585)
HIGHPASS = (1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)
PEAK = 10 ** (-4.5 / 20)


def midi_file(path, notes_of_tracks, program=PIANO, is_drum=False):
    """Write notes (start, end, pitch), in seconds, one list a track."""
    midi = pretty_midi.PrettyMIDI()
    for notes in notes_of_tracks:
        track = pretty_midi.Instrument(program, is_drum)
        track.notes = [pretty_midi.Note(90, pitch, start, end) for start, end, pitch in notes]
        midi.instruments.append(track)
    midi.write(str(path))
    return path


def power(signal, fs=SAMPLE_RATE):
    """Return the frequencies and the power spectrum, windowed and padded to a fine raster."""
    length = 2 ** int(np.ceil(np.log2(len(signal) * 8)))
    spectrum = np.abs(np.fft.rfft(signal * np.hanning(len(signal)), length)) ** 2
    return np.fft.rfftfreq(length, 1 / fs), spectrum


def hertz_of(pitch):
    return 440 * 2 ** ((pitch - 69) / 12)


def decode(clip, channels=2):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", "pipe:0", "-f", "f32le", "-ac", str(channels), "pipe:1"]
    done = subprocess.run(command, input=clip, capture_output=True, check=True)
    rate = int(re.search(r"(\d+) Hz", done.stderr.decode()).group(1))
    return np.frombuffer(done.stdout, np.float32).reshape(-1, channels), rate


def cents_off(sound, pitch, fs=SAMPLE_RATE):
    """How far the loudest partial within a semitone of the pitch lies from it."""
    frequency, spectrum = power(sound, fs)
    near = np.abs(12 * np.log2(np.maximum(frequency, 1) / hertz_of(pitch))) < 1
    return 1200 * np.log2(frequency[near][spectrum[near].argmax()] / hertz_of(pitch))


@pytest.mark.parametrize("program", [PIANO, ORGAN])
def test_pitch_is_right_to_three_cents(tmp_path, program):
    for pitch in range(33, 100, 5):  # from below a bass to above a soprano
        sound = render(midi_file(tmp_path / "a.mid", [[(0, 2, pitch)]], program))
        sound = sound[: 2 * SAMPLE_RATE].mean(axis=1)
        assert abs(cents_off(sound, pitch)) < 3, pitch
        frequency, spectrum = power(sound)
        near = np.abs(12 * np.log2(np.maximum(frequency, 1) / hertz_of(pitch))) < 1
        assert spectrum[near].max() > 0.05 * spectrum.max(), pitch
        below = (frequency > 20) & (frequency < 0.9 * hertz_of(pitch))
        assert spectrum[below].max() < 0.01 * spectrum.max(), pitch


def test_a_clip_keeps_the_pitch(tmp_path):
    sound = render(midi_file(tmp_path / "a.mid", [[(0, 2, 67)]]))
    decoded, rate = decode(encode_mp3(sound))
    assert abs(cents_off(decoded[: 2 * rate].mean(axis=1), 67, rate)) < 3


def test_the_peak_is_the_same_whatever_the_density(tmp_path):
    chord = [[(0, 1, pitch)] for pitch in range(40, 80, 3)]
    for name, tracks in {"dense": chord, "thin": chord[:1]}.items():
        sound = render(midi_file(tmp_path / f"{name}.mid", tracks))
        assert sound.dtype == np.float32 and sound.ndim == 2 and sound.shape[1] == 2
        assert np.abs(sound).max() == pytest.approx(PEAK, abs=1e-4)


def test_notes_start_and_end_without_a_click(tmp_path):
    # A click is broadband; the partials of this organ note end at 523 Hz.
    sound = render(midi_file(tmp_path / "a.mid", [[(0.5, 1.5, 36)]], ORGAN)).mean(axis=1)
    frequency, spectrum = power(sound)
    assert spectrum[frequency > 3000].sum() < 1e-8 * spectrum.sum()
    assert np.abs(sound[:11000]).max() < 1e-6
    assert np.abs(sound[-100:]).max() < 1e-3


@pytest.mark.parametrize("program", [PIANO, ORGAN])
def test_the_waveform_never_jumps_more_than_a_tone_does(tmp_path, program):
    notes = [(0.1, 0.6, 48), (0.6, 0.9, 48), (0.9, 0.93, 48), (1.2, 1.6, 48)]  # repeated, cut short, alone
    sound = render(midi_file(tmp_path / "a.mid", [notes], program))
    steps = np.abs(np.diff(sound, axis=0)).max(axis=1)
    body = steps[int(0.15 * SAMPLE_RATE) : int(0.5 * SAMPLE_RATE)].max()
    assert steps.max() < 1.5 * body


def test_four_parts_are_equally_loud(tmp_path):
    def loudness(pitch, program):
        """Against a second voice, in decibels weighted as ITU-R BS.1770-4 weights them at 48 kHz."""
        parts = [[(0, 0.6, pitch)], [(1.5, 2.1, 60)]]  # a beat at tempo 100
        sound = render(midi_file(tmp_path / "a.mid", parts, program)).mean(axis=1)
        frequency, spectrum = power(sound[: int(0.6 * SAMPLE_RATE)])
        shelf = freqz(*SHELF, worN=frequency, fs=48000)[1]
        highpass = freqz(*HIGHPASS, worN=frequency, fs=48000)[1]
        weight = np.abs(shelf * highpass) ** 2
        other = power(sound[int(1.5 * SAMPLE_RATE) : int(2.1 * SAMPLE_RATE)])[1]
        return 10 * np.log10((weight * spectrum).sum() / (weight * other).sum())

    for program in (PIANO, ORGAN):
        levels = [loudness(pitch, program) for pitch in (72, 65, 58, 48)]  # the middle of each voice
        assert np.ptp(levels) < 3, levels


def test_a_note_sounds_when_it_should(tmp_path):
    sound = render(midi_file(tmp_path / "a.mid", [[(0, 0.5, 60), (1.0, 1.5, 72)]]))[:, 0]
    before, after = sound[int(0.75 * SAMPLE_RATE) : SAMPLE_RATE], sound[SAMPLE_RATE : int(1.25 * SAMPLE_RATE)]
    assert np.sum(after**2) > 20 * np.sum(before**2)
    frequency, spectrum = power(after)
    assert frequency[spectrum.argmax()] == pytest.approx(hertz_of(72), rel=0.01)


def test_a_repeated_note_is_struck_again(tmp_path):
    def late_to_early(notes):
        sound = render(midi_file(tmp_path / "a.mid", [notes]))[:, 0]
        return np.sum(sound[SAMPLE_RATE : 2 * SAMPLE_RATE] ** 2) / np.sum(sound[:SAMPLE_RATE] ** 2)

    assert late_to_early([(0, 1, 60), (1, 2, 60)]) > 0.9
    assert late_to_early([(0, 2, 60)]) < 0.4


def test_a_piano_dies_away_and_an_organ_does_not(tmp_path):
    def late_to_early(program):
        sound = render(midi_file(tmp_path / "a.mid", [[(0, 3, 60)]], program))[:, 0]
        early, late = sound[2000:12000], sound[50000:60000]
        return np.sum(late**2) / np.sum(early**2)

    assert late_to_early(PIANO) < 0.2
    assert late_to_early(ORGAN) > 0.7
    assert late_to_early(24) < 0.2


def test_four_voices_stand_from_left_to_right(tmp_path):
    pitches = [74, 67, 59, 43]
    sound = render(midi_file(tmp_path / "a.mid", [[(0, 2, pitch)] for pitch in pitches], ORGAN))
    frequency, left = power(sound[: 2 * SAMPLE_RATE, 0])
    right = power(sound[: 2 * SAMPLE_RATE, 1])[1]
    at = [np.abs(frequency - hertz_of(pitch)).argmin() for pitch in pitches]
    decibels = 10 * np.log10(right[at] / left[at])
    assert np.all(np.diff(decibels) > 1.5), decibels
    assert decibels[0] < -6 and decibels[-1] > 6


def test_one_voice_stands_in_the_middle(tmp_path):
    sound = render(midi_file(tmp_path / "a.mid", [[(0, 2, 60)]]))
    left, right = np.sum(sound**2, axis=0)
    assert abs(10 * np.log10(right / left)) < 1.5


@pytest.mark.parametrize("is_drum", [False, True])
def test_nothing_to_play_is_a_short_silence(tmp_path, is_drum):
    notes = [[(0, 2, 60)]] if is_drum else []
    sound = render(midi_file(tmp_path / "a.mid", notes, is_drum=is_drum))
    assert 0.1 < len(sound) / SAMPLE_RATE < 1 and sound.shape[1] == 2
    assert not sound.any()


def test_pitches_above_the_sample_rate_are_silent_not_wrong(tmp_path):
    assert not render(midi_file(tmp_path / "a.mid", [[(0, 1, 127)]])).any()


def test_a_clip_is_small_and_decodes(tmp_path):
    rng = np.random.default_rng(1)
    grid = np.repeat(rng.integers((60, 55, 50, 40), (78, 70, 65, 60), (15, 4)), 2, axis=0)
    sound = render(write_midi(tmp_path / "a.mid", grid, np.ones_like(grid, bool), tempo=100))
    clip = encode_mp3(sound, SAMPLE_RATE)
    assert 5 < len(sound) / SAMPLE_RATE < 6
    assert len(clip) < 80_000
    decoded, rate = decode(clip)
    assert rate == SAMPLE_RATE
    assert len(decoded) / rate == pytest.approx(len(sound) / SAMPLE_RATE, abs=0.15)
    assert -6 < 20 * np.log10(np.abs(decoded).max()) < -0.5


def test_no_clip_is_too_loud_or_too_soft_even_mixed_down_to_mono(tmp_path):
    rng = np.random.default_rng(0)
    noisy = [
        [(n / 8, n / 8 + 0.125, int(p)) for n, p in enumerate(rng.integers(30, 100, 16))] for _ in range(8)
    ]
    for name, tracks in {
        "one": [[(0, 2, 60), (2, 4, 72), (4, 6, 67)]],
        "short": [[(0, 0.05, 90)]],
        "noisy": noisy,
    }.items():
        for program in (PIANO, ORGAN):
            clip = encode_mp3(render(midi_file(tmp_path / f"{name}.mid", tracks, program)))
            stereo, mono = np.abs(decode(clip)[0]).max(), np.abs(decode(clip, channels=1)[0]).max()
            assert -6 < 20 * np.log10(stereo) < -0.5, name
            assert 20 * np.log10(mono) < -1, name


def test_a_clip_keeps_both_channels_and_the_same_bytes():
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    sound = 0.5 * np.sin(2 * np.pi * 440 * time)[:, None] * [1, 0]
    clip = encode_mp3(sound, SAMPLE_RATE)
    left, right = np.sum(decode(clip)[0] ** 2, axis=0)
    assert right < 0.01 * left
    assert encode_mp3(sound, SAMPLE_RATE) == clip
    assert len(decode(encode_mp3(sound[:, 0]), channels=1)[0]) > 0.9 * SAMPLE_RATE


@pytest.mark.parametrize("shape", [(0, 2), (100, 3), (2, 2, 2)])
def test_a_shape_that_is_no_waveform_is_refused(shape):
    with pytest.raises(ValueError, match="Expected a waveform"):
        encode_mp3(np.zeros(shape))


def test_an_impossible_rate_is_refused():
    with pytest.raises(ValueError, match="at 0 Hz"):
        encode_mp3(np.zeros((100, 2)), 0)


def test_sound_is_written_by_ending(tmp_path):
    path = midi_file(tmp_path / "a.mid", [[(0, 1, 60)]])
    rate, pcm = wavfile.read(write_audio(path, tmp_path / "new" / "a.WAV"))
    assert rate == SAMPLE_RATE and pcm.dtype == np.int16
    np.testing.assert_allclose(pcm / 32767, render(path), atol=1e-4)
    assert write_audio(path, tmp_path / "new" / "a.mp3").read_bytes() == encode_mp3(render(path))
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["a.WAV", "a.mp3"]
    with pytest.raises(ValueError, match=r"\.ogg"):
        write_audio(path, tmp_path / "a.ogg")


def test_bad_files_get_a_clear_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.mid"):
        render(tmp_path / "gone.mid")
    (tmp_path / "text.mid").write_text("not music")
    with pytest.raises(ValueError, match=r"text\.mid is not a readable MIDI file"):
        render(tmp_path / "text.mid")
    with pytest.raises(ValueError, match="lasts 4000 s"):
        render(midi_file(tmp_path / "long.mid", [[(3999, 4000, 60)]]))


def test_encoding_keeps_the_peak_of_any_sound():
    rng = np.random.default_rng(0)
    impulses = np.zeros((SAMPLE_RATE, 2), np.float32)
    impulses[::2000] = 0.7
    square = 0.7 * np.sign(np.sin(2 * np.pi * 441 * np.arange(SAMPLE_RATE) / SAMPLE_RATE))
    noise = np.clip(rng.normal(0, 0.3, (SAMPLE_RATE, 2)), -0.7, 0.7)
    for sound in (impulses, square, noise):
        decoded = decode(encode_mp3(sound), 1 if sound.ndim == 1 else 2)[0]
        assert abs(20 * np.log10(np.abs(decoded).max() / 0.7)) < 1.05
    assert not decode(encode_mp3(np.zeros(SAMPLE_RATE)), 1)[0].any()


def test_fine_ticks_of_a_long_piece_are_played(tmp_path):
    """pretty_midi refuses ten million ticks, which 250 bars of typed notes have."""
    waves = []
    for ticks in (480, 10_080):
        conductor = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=2_000)])
        track = mido.MidiTrack()
        for beat in range(1200):
            track.append(mido.Message("note_on", note=60 + beat // 300, velocity=80))
            track.append(mido.Message("note_off", note=60 + beat // 300, time=ticks))
        path = tmp_path / f"{ticks}.mid"
        mido.MidiFile(type=1, ticks_per_beat=ticks, tracks=[conductor, track]).save(path)
        waves += [render(path), next(render_voices(path))]
    np.testing.assert_array_equal(waves[0], waves[2])
    np.testing.assert_array_equal(waves[1], waves[3])


def test_a_limit_in_seconds_ends_in_a_fade(tmp_path):
    path = midi_file(tmp_path / "a.mid", [[(0, 9, 60), (9, 20, 67)], [(15, 20, 40)]], ORGAN)
    sound = render(path, seconds=8)
    assert len(sound) == 8 * SAMPLE_RATE
    late = np.sqrt(np.mean(sound[-SAMPLE_RATE // 20 :] ** 2))
    assert late < 0.02 * np.sqrt(np.mean(sound[SAMPLE_RATE : 2 * SAMPLE_RATE] ** 2))
    before = sound[: int((8 - FADE) * SAMPLE_RATE)]
    assert np.abs(sound).max() == pytest.approx(np.abs(before).max()) == pytest.approx(PEAK, abs=1e-3)
    np.testing.assert_array_equal(render(path, seconds=60), render(path))
    assert not render(midi_file(tmp_path / "late.mid", [[(5, 6, 60)]]), seconds=2).any()
    clip = write_audio(path, tmp_path / "a.mp3", seconds=3)
    assert len(decode(clip.read_bytes())[0]) / SAMPLE_RATE == pytest.approx(3, abs=0.15)
    with pytest.raises(ValueError, match="seconds=0"):
        render(path, seconds=0)


def test_the_environment_chooses_the_soundfont(tmp_path, monkeypatch):
    monkeypatch.setenv("SOUNDFONT", "none")
    assert find_soundfont() is None
    monkeypatch.setenv("SOUNDFONT", str(tmp_path / "gone.sf2"))
    with pytest.raises(FileNotFoundError, match=r"SOUNDFONT.*gone\.sf2"):
        find_soundfont()


def test_without_fluidsynth_the_built_in_sounds_play(tmp_path, monkeypatch):
    monkeypatch.delenv("SOUNDFONT")
    monkeypatch.setitem(sys.modules, "fluidsynth", None)  # as if the package were not installed
    path = midi_file(tmp_path / "a.mid", [[(0, 1, 60)]])
    assert find_soundfont() is None
    np.testing.assert_array_equal(render(path), render(path, soundfont=None))
    (tmp_path / "x.sf2").touch()
    with pytest.raises(ImportError, match="pyfluidsynth"):
        render(path, soundfont=tmp_path / "x.sf2")
    with pytest.raises(FileNotFoundError, match=r"gone\.sf2"):
        render(path, soundfont=tmp_path / "gone.sf2")


def test_fluidsynth_plays_by_itself_where_it_is_installed(tmp_path, monkeypatch):
    try:
        import fluidsynth  # noqa: F401
    except ImportError:
        pytest.skip("needs FluidSynth and pyfluidsynth")
    monkeypatch.delenv("SOUNDFONT")
    assert find_soundfont().suffix in (".sf2", ".sf3")
    # The soundfont of pretty_midi is everywhere the same.
    bundled = Path(pretty_midi.__file__).with_name(pretty_midi.fluidsynth.DEFAULT_SF2)
    monkeypatch.setenv("SOUNDFONT", str(bundled))
    assert find_soundfont() == bundled
    parts = [[(0, 2, 71)], [(5, 6, 60)], [(0, 2, 48)]]
    path = midi_file(tmp_path / "a.mid", parts, ORGAN)
    sound = render(path)
    assert np.abs(sound).max() == pytest.approx(PEAK, abs=1e-4)
    assert not np.array_equal(sound, render(path, soundfont=None))
    frequency, left = power(sound[: 2 * SAMPLE_RATE, 0])
    right = power(sound[: 2 * SAMPLE_RATE, 1])[1]
    for pitch, side in ((71, left), (48, right)):
        near = np.abs(frequency - hertz_of(pitch)) < 3
        other = right if side is left else left
        assert side[near].max() / other[near].max() > 4
        assert abs(cents_off(sound[: 2 * SAMPLE_RATE].mean(axis=1), pitch)) < 10  # as its maker tuned it
    assert len(render(path, seconds=1)) == SAMPLE_RATE
    (tmp_path / "bad.sf2").write_bytes(b"no soundfont")
    with pytest.raises(ValueError, match=r"bad\.sf2 is not a readable soundfont"):
        render(path, soundfont=tmp_path / "bad.sf2")
