// Time: beats (quarter notes from the beginning), seconds, bars and places such as "5:2.5".

const SAME = 1e-4; // of a beat

export function secondsAt(clock, beat) {
  return interpolate(clock, beat, 0, 1);
}

export function beatAt(clock, seconds) {
  return interpolate(clock, seconds, 1, 0);
}

// Between two points of [beat, second] time goes in a straight line, and beyond the last as before it.
function interpolate(points, value, from, to) {
  const next = Math.max(1, points.findIndex((point) => point[from] > value));
  const last = points[points.length - 1];
  const index = value >= last[from] ? points.length - 1 : next;
  if (index < 1) return 0;
  const [before, after] = [points[index - 1], points[index]];
  return before[to] + ((value - before[from]) * (after[to] - before[to])) / (after[from] - before[from]);
}

export function barAt(bars, beat) {
  const after = bars.findIndex((bar) => bar.start > beat + SAME);
  return bars[Math.max(0, (after < 0 ? bars.length : after) - 1)];
}

export function beatOf(bars, place) {
  const [number, count] = place.split(":").map(Number);
  const bar = bars.find((one) => one.number === number);
  return bar ? bar.first + (count - 1) * bar.beat : null;
}

// Bar and beat, as musicians count.
export function count(bars, beat) {
  const bar = barAt(bars, beat);
  return { bar: bar.number, beat: 1 + Math.floor((beat - bar.first) / bar.beat + SAME) };
}

export function spoken(bars, beat) {
  const now = count(bars, beat);
  return `bar ${now.bar} beat ${now.beat}`;
}

// The next beat or bar in a direction. Going back leaves what has begun less than `grace` ago.
export function neighbor(bars, beat, unit, direction, grace = SAME) {
  const end = bars[bars.length - 1].end;
  const marks = bars.flatMap((bar) => (unit === "bar" ? [bar.start] : beatsOf(bar)));
  if (direction > 0) return marks.find((mark) => mark > beat + SAME) ?? end;
  return marks.reverse().find((mark) => mark < beat - grace) ?? 0;
}

export function beatsOf(bar) {
  const beats = [];
  for (let beat = bar.first; beat < bar.end - SAME; beat += bar.beat) {
    if (beat >= bar.start - SAME) beats.push(beat);
  }
  return beats;
}

export function minutes(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

// The note of a voice that sounds at a beat, by number; -1 where it rests.
export function noteAt(notes, beat) {
  let [low, high] = [0, notes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (notes[middle].start <= beat + SAME) low = middle + 1;
    else high = middle;
  }
  return low > 0 && notes[low - 1].end > beat + SAME ? low - 1 : -1;
}
