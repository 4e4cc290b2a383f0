// Plain tones for notes that are being entered; how an arrangement sounds is the player's matter.

const SECONDS_PER_BEAT = 0.6;
const LEAST = 0.1; // seconds

let audio = null;

// Sound one note: a plucked tone, softer the longer it lasts.
export function sound(pitch, beats = 1, delay = 0) {
  audio ??= new AudioContext();
  audio.resume();
  const start = audio.currentTime + delay;
  const end = start + Math.max(LEAST, beats * SECONDS_PER_BEAT - LEAST);
  const [tone, loudness] = [new OscillatorNode(audio, { type: "triangle" }), new GainNode(audio, { gain: 0 })];
  tone.frequency.value = 440 * 2 ** ((pitch - 69) / 12);
  loudness.gain.setValueAtTime(0, start);
  loudness.gain.linearRampToValueAtTime(0.3, start + 0.01);
  loudness.gain.exponentialRampToValueAtTime(0.05, end);
  loudness.gain.linearRampToValueAtTime(0, end + LEAST);
  tone.connect(loudness).connect(audio.destination);
  tone.start(start);
  tone.stop(end + LEAST);
  return tone;
}

// Sound a tune, pairs of a pitch or null and beats, and give what ends it early.
export function play(tune, done) {
  let seconds = 0;
  const tones = [];
  for (const [pitch, beats] of tune) {
    if (pitch !== null) tones.push(sound(pitch, beats, seconds));
    seconds += beats * SECONDS_PER_BEAT;
  }
  const end = setTimeout(done, 1000 * seconds);
  return () => {
    clearTimeout(end);
    tones.forEach((tone) => tone.disconnect());
    done();
  };
}
