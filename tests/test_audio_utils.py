import re
import subprocess

import imageio_ffmpeg
import numpy as np
import pretty_midi
import pytest
from scipy.io import wavfile

from utils.audio_utils import SAMPLE_RATE, encode_mp3, render, write_audio
from utils.midi_utils import write_midi

PIANO, ORGAN = 0, 19
MINUS_3_DBFS = 10 ** (-3 / 20)


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


@pytest.mark.parametrize("program", [PIANO, ORGAN])
@pytest.mark.parametrize("pitch", [36, 48, 61, 69, 84, 95])
def test_pitch_is_right_to_three_cents(tmp_path, pitch, program):
    sound = render(midi_file(tmp_path / "a.mid", [[(0, 2, pitch)]], program))
    frequency, spectrum = power(sound[: 2 * SAMPLE_RATE].mean(axis=1))
    near = np.abs(12 * np.log2(np.maximum(frequency, 1) / hertz_of(pitch))) < 1
    loudest = frequency[near][spectrum[near].argmax()]
    assert abs(1200 * np.log2(loudest / hertz_of(pitch))) < 3
    assert spectrum[near].max() > 0.05 * spectrum.max()
    assert spectrum[(frequency > 20) & (frequency < 0.9 * hertz_of(pitch))].max() < 0.01 * spectrum.max()


def test_peak_is_minus_3_dbfs_whatever_the_density(tmp_path):
    chord = [[(0, 1, pitch)] for pitch in range(40, 80, 3)]
    for name, tracks in {"dense": chord, "thin": chord[:1]}.items():
        sound = render(midi_file(tmp_path / f"{name}.mid", tracks))
        assert sound.dtype == np.float32 and sound.ndim == 2 and sound.shape[1] == 2
        assert np.abs(sound).max() == pytest.approx(MINUS_3_DBFS, abs=1e-4)


def test_notes_start_and_end_without_a_click(tmp_path):
    # A click is broadband; the partials of this organ note end at 523 Hz.
    sound = render(midi_file(tmp_path / "a.mid", [[(0.5, 1.5, 36)]], ORGAN)).mean(axis=1)
    frequency, spectrum = power(sound)
    assert spectrum[frequency > 3000].sum() < 1e-8 * spectrum.sum()
    assert np.abs(sound[:11000]).max() < 1e-6
    assert np.abs(sound[-100:]).max() < 1e-3


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


def test_a_soundfont_takes_the_place_of_the_built_in_sounds(tmp_path, monkeypatch):
    path = midi_file(tmp_path / "a.mid", [[(0, 1, 60)], [(0, 1, 64)]])
    with pytest.raises(FileNotFoundError, match=r"gone\.sf2"):
        render(path, soundfont=tmp_path / "gone.sf2")

    def buzz(track, fs, synthesizer):
        assert synthesizer.endswith("x.sf2")
        return 9000 * np.sin(2 * np.pi * 1000 * np.arange(9 * fs) / fs)

    monkeypatch.setattr(pretty_midi.Instrument, "fluidsynth", buzz)
    (tmp_path / "x.sf2").touch()
    sound = render(path, soundfont=tmp_path / "x.sf2")
    frequency, spectrum = power(sound[:, 0])
    assert frequency[spectrum.argmax()] == pytest.approx(1000, abs=1)
    assert np.abs(sound).max() == pytest.approx(MINUS_3_DBFS, abs=1e-4)
