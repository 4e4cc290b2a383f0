// Sound: a track a voice, mixed here. What is heard follows the clock of the sound card.

const AHEAD = 3; // seconds that are scheduled of a loop: timers of hidden pages run once a second
const SOON = 0.03; // seconds until what is scheduled now begins
const FADE = 0.012; // seconds, where sound is cut
const RISE = FADE / 4; // where it begins, and where one sound takes over from another
const GLIDE = 0.3; // seconds in which it grows as loud as the one that takes over
const ENCODER_DELAY = 1105; // samples that MP3 puts before the sound, where a decoder leaves them in
const FRAME = 576;

export async function decode(facts, clips) {
  const decoder = new OfflineAudioContext(1, 1, facts.rate);
  const decoded = await Promise.all(clips.map((clip) => decoder.decodeAudioData(bytesOf(clip))));
  const end = facts.begin + facts.samples / facts.rate; // of what is there of the music
  return {
    ...facts,
    end,
    seconds: facts.whole ? end : Math.max(end, facts.seconds), // a file may last longer than what sounds
    tracks: decoded.map((buffer, voice) => trim(buffer, facts, facts.voices[voice].gain)),
  };
}

// Whether a moment of the music is there, and so many seconds more, or all that is left.
export function has(sound, moment, more = 0) {
  const last = Math.min(moment + more, sound.seconds - FADE);
  return sound.whole || (sound.begin <= moment && last <= sound.end);
}

function bytesOf(view) {
  return view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
}

function trim(decoded, { rate, samples }, gain) {
  const start = decoded.length >= samples + FRAME ? ENCODER_DELAY : 0;
  const track = new AudioBuffer({ length: samples, sampleRate: rate, numberOfChannels: 1 });
  const sound = decoded.getChannelData(0).slice(start, start + samples);
  track.copyToChannel(sound.map((sample) => sample * gain), 0);
  return track;
}

// One strip a voice, then the room: what they add up to, and its echo.
function buildMixer(context, { voices, gain: loudness }, room) {
  const [bus, mono, master] = [context.createGain(), context.createGain(), context.createGain()];
  master.gain.value = loudness;
  mono.channelCount = 1;
  mono.channelCountMode = "explicit";
  const echo = new ConvolverNode(context, { buffer: roomBuffer(context, room), disableNormalization: true });
  bus.connect(master);
  bus.connect(mono).connect(echo).connect(master);
  master.connect(context.destination);
  const strips = voices.map(({ pan }) => {
    const gain = context.createGain();
    gain.connect(new StereoPannerNode(context, { pan })).connect(bus);
    return gain;
  });
  return { strips, master };
}

function roomBuffer(context, room) {
  const samples = new Float32Array(bytesOf(room));
  const buffer = context.createBuffer(2, samples.length / 2, context.sampleRate);
  [0, 1].forEach((ear) => buffer.copyToChannel(samples.subarray((ear * samples.length) / 2), ear));
  return buffer;
}

export class Player {
  // `ended` is called when the music is over, `starved` where its sound is not there yet.
  constructor(room, ended, starved) {
    Object.assign(this, { room, ended, starved, sound: null, context: null, passes: [], loop: null, rest: 0 });
    this.mix = [];
    this.ticking = setInterval(() => this.tick(), 100);
  }

  get playing() {
    return this.passes.length > 0;
  }

  // Take other sounds, and go on with them if it plays: `place` says where, given the seconds of the music
  // that the sounds before would have reached.
  use(sound, place) {
    this.sound = sound;
    if (this.context) this.connect();
    if (this.playing) {
      const when = this.context.currentTime + SOON;
      const from = place(this.time(when));
      this.silence(when, RISE); // as the other one rises: where it is the same music, nobody hears it
      this.start(from, when);
    } else {
      this.rest = place(this.rest);
    }
  }

  get latency() {
    return this.context?.outputLatency || this.context?.baseLatency || 0;
  }

  connect() {
    this.context ??= new AudioContext({ sampleRate: this.sound.rate, latencyHint: "interactive" });
    if (this.mixer?.strips.length !== this.sound.voices.length) {
      this.mixer?.master.disconnect();
      this.mixer = buildMixer(this.context, this.sound, this.room);
    }
    this.applyMix(0);
  }

  play(from = this.rest) {
    if (!this.context) this.connect();
    this.context.resume();
    this.silence();
    this.start(from);
  }

  start(from, when = this.context.currentTime + SOON) {
    const { loop, sound } = this;
    const outside = loop && (from < loop.start - 1e-3 || from >= loop.end - 1e-3);
    this.addPass(when, outside ? loop.start : Math.min(from, sound.seconds));
    this.tick();
  }

  pause() {
    this.rest = this.time();
    this.silence();
  }

  seek(seconds) {
    this.rest = Math.max(0, Math.min(seconds, this.sound ? this.sound.seconds : Infinity));
    if (this.playing) this.play(this.rest);
  }

  // Seconds of the music that are heard now, or what is played at another time of the context's clock.
  time(heard = this.context?.currentTime - this.latency) {
    if (!this.playing) return this.rest;
    const pass = this.passes.findLast((one) => one.when <= heard) ?? this.passes[0];
    return Math.min(pass.from + Math.max(0, heard - pass.when), pass.until);
  }

  setLoop(loop) {
    const now = this.time();
    this.loop = loop;
    if (this.playing) this.play(now);
  }

  // Mute, solo and volume of each voice, at once.
  setMix(mix) {
    this.mix = mix;
    if (this.mixer) this.applyMix(FADE);
  }

  levels() {
    const solo = this.mix.some((voice) => voice.solo);
    return this.sound.voices.map((_, index) => {
      const voice = this.mix[index];
      if (!voice) return 1;
      return (solo ? voice.solo : !voice.muted) ? voice.volume : 0;
    });
  }

  applyMix(fade) {
    const now = this.context.currentTime;
    const turn = (gain, level, slowly) => gain.setTargetAtTime(level, now, slowly);
    turn(this.mixer.master.gain, this.sound.gain, this.playing ? GLIDE : 0);
    this.levels().forEach((level, voice) => turn(this.mixer.strips[voice].gain, level, fade));
  }

  // Play all tracks once from `from` on, beginning at `when` of the context's clock.
  addPass(when, from) {
    const { seconds, begin } = this.sound;
    const until = this.loop && from < this.loop.end ? Math.min(this.loop.end, seconds) : seconds;
    const end = when + until - from;
    const nodes = this.sound.tracks.map((buffer, voice) => {
      const source = new AudioBufferSourceNode(this.context, { buffer });
      const fade = this.context.createGain();
      source.connect(fade).connect(this.mixer.strips[voice]);
      fade.gain.setValueAtTime(0, when);
      fade.gain.linearRampToValueAtTime(1, when + RISE);
      fade.gain.setValueAtTime(1, end);
      fade.gain.linearRampToValueAtTime(0, end + FADE);
      source.start(when + Math.max(0, begin - from), Math.max(0, from - begin));
      source.stop(end + FADE);
      return { source, fade };
    });
    this.passes.push({ when, from, until, end, nodes });
  }

  // Keep a loop going, and notice the end.
  tick() {
    if (!this.playing) return;
    const now = this.context.currentTime;
    while (this.loop && this.passes.at(-1).end < now + AHEAD) {
      const { start, end } = this.loop;
      if (end - start < 0.1) break;
      this.addPass(this.passes.at(-1).end, start);
    }
    this.passes = this.passes.filter((pass, index) => index === this.passes.length - 1 || pass.end > now - 1);
    if (this.passes.at(-1).end < now) {
      this.silence();
      this.rest = 0;
      this.ended();
    } else if (!has(this.sound, this.time())) {
      this.pause();
      this.starved();
    }
  }

  silence(when = this.context?.currentTime, seconds = FADE) {
    for (const { source, fade } of this.passes.flatMap(({ nodes }) => nodes)) {
      fade.gain.cancelScheduledValues(when);
      fade.gain.setValueAtTime(1, when);
      fade.gain.linearRampToValueAtTime(0, when + seconds);
      source.stop(when + seconds);
    }
    this.passes = [];
  }

  // Render what the mix sounds like, as fast as possible: AudioBuffer.
  offline(from = 0, seconds = this.sound.seconds - from) {
    const { rate, tracks } = this.sound;
    const context = new OfflineAudioContext(2, Math.ceil(seconds * rate), rate);
    const mixer = buildMixer(context, this.sound, this.room);
    this.levels().forEach((level, voice) => {
      mixer.strips[voice].gain.value = level;
      const source = new AudioBufferSourceNode(context, { buffer: tracks[voice] });
      source.connect(mixer.strips[voice]);
      source.start(0, from);
    });
    return context.startRendering();
  }

  close() {
    clearInterval(this.ticking);
    this.silence();
    this.context?.close();
  }
}
