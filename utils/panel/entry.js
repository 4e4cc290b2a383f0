// Enter a tune: typed notes, a piano, a MIDI keyboard, a file. What the notes mean is Python's matter.

const NAMES = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
const SPOKEN = ["C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B"];
const BLACK = [1, 3, 6, 8, 10];
// As on a computer's piano: the middle row is white, the one above it black; the place counts, not the letter.
const PLACES = ["KeyA", "KeyW", "KeyS", "KeyE", "KeyD", "KeyF", "KeyT", "KeyG", "KeyY", "KeyH", "KeyU", "KeyJ",
    "KeyK", "KeyO", "KeyL", "KeyP", "Semicolon"];
const LENGTHS = [
    {name: "sixteenth note", beats: 1 / 4, written: ":1/4", dotted: ":3/8", digit: "3", flags: 2},
    {name: "eighth note", beats: 1 / 2, written: ":1/2", dotted: ":3/4", digit: "4", flags: 1},
    {name: "quarter note", beats: 1, written: "", dotted: ":3/2", digit: "5", flags: 0},
    {name: "half note", beats: 2, written: ":2", dotted: ":3", digit: "6", flags: 0, hollow: true},
    {name: "whole note", beats: 4, written: ":4", dotted: ":6", digit: "7", flags: 0, hollow: true, plain: true},
];
const OCTAVES_SHOWN = 2;
const [LOWEST, HIGHEST] = [24, 96]; // first keys that may be the keyboard's lowest
const SECONDS_PER_BEAT = 0.6;
const TYPING_PAUSE = 150; // milliseconds without a letter before the notes are read
const PATIENCE = 700; // and before a mistake is named: half a word is none

const HELP = `<summary>How notes are written, and keys that enter them</summary>
<p>A letter, <kbd>#</kbd> or <kbd>b</kbd> if need be, an octave, then beats after a colon:
<code>C5 F#5:2 Bb4:1/2 r:1</code>. <code>r</code> is a rest. Without beats a note lasts one; without an octave
it stays in that of the note before. <kbd>!</kbd> behind a note ends a phrase. Commas and bar lines
<kbd>|</kbd> are welcome and mean nothing.</p>
<p>On the piano: <kbd>A</kbd> <kbd>S</kbd> <kbd>D</kbd> and on are white keys, <kbd>W</kbd> <kbd>E</kbd>
<kbd>T</kbd> and on black ones, <kbd>Z</kbd> and <kbd>X</kbd> an octave lower and higher; arrows go from key
to key, space enters one. <kbd>3</kbd> to <kbd>7</kbd>: sixteenth to whole note, <kbd>.</kbd> a dot,
<kbd>0</kbd> a rest, <kbd>!</kbd> ends a phrase, backspace deletes.</p>`;

// --- Sound ---------------------------------------------------------------------

let audio = null;

/** Sound one note: a plucked tone, softer the longer it lasts. */
function sound(pitch, seconds = 0.5, delay = 0) {
    audio ??= new AudioContext();
    audio.resume();
    const start = audio.currentTime + delay;
    const [tone, loudness] = [audio.createOscillator(), audio.createGain()];
    tone.type = "triangle";
    tone.frequency.value = 440 * 2 ** ((pitch - 69) / 12);
    loudness.gain.setValueAtTime(0, start);
    loudness.gain.linearRampToValueAtTime(0.3, start + 0.01);
    loudness.gain.exponentialRampToValueAtTime(0.05, start + seconds);
    loudness.gain.linearRampToValueAtTime(0, start + seconds + 0.1);
    tone.connect(loudness).connect(audio.destination);
    tone.start(start);
    tone.stop(start + seconds + 0.1);
    return tone;
}

/** Sound a tune and give what ends it early. */
function play(tune, done) {
    let seconds = 0;
    const tones = [];
    for (const [pitch, beats] of tune) {
        const length = beats * SECONDS_PER_BEAT;
        if (pitch !== null) tones.push(sound(pitch, Math.max(0.1, length - 0.1), seconds));
        seconds += length;
    }
    const end = setTimeout(done, 1000 * seconds);
    return () => {
        clearTimeout(end);
        tones.forEach(tone => tone.disconnect());
        done();
    };
}

// --- Elements ------------------------------------------------------------------

function make(tag, className, properties = {}, children = []) {
    const {label, pressed, ...rest} = properties;
    const element = Object.assign(document.createElement(tag), {className}, rest);
    if (label) element.setAttribute("aria-label", label);
    if (pressed !== undefined) element.setAttribute("aria-pressed", pressed);
    element.append(...children);
    return element;
}

function button(text, action, properties = {}) {
    const element = make("button", "bach-button", {type: "button", title: properties.label ?? "", ...properties}, [text]);
    element.addEventListener("click", action);
    return element;
}

/** Draw a note of one length. */
function drawNote({flags, hollow, plain}) {
    const stem = plain ? "" : '<path d="M13.4 21V4" stroke="currentColor" stroke-width="1.5" fill="none"/>';
    const curl = y => `<path d="M13.4 ${y}c0 4 5 4 4 9c0-3-2-4-4-5z" fill="currentColor"/>`;
    const inside = hollow ? 'fill="none" stroke="currentColor" stroke-width="2"' : 'fill="currentColor"';
    const drawn = `<svg viewBox="0 0 22 26" width="19" height="22" aria-hidden="true">${stem}`
        + `${flags > 0 ? curl(4) : ""}${flags > 1 ? curl(9) : ""}`
        + `<ellipse cx="9" cy="21" rx="4.8" ry="3.3" transform="rotate(-20 9 21)" ${inside}/></svg>`;
    return document.createRange().createContextualFragment(drawn);
}

const nameOf = pitch => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;
const spokenName = pitch => `${SPOKEN[pitch % 12]} ${Math.floor(pitch / 12) - 1}`;

// --- The widget ----------------------------------------------------------------

export default {
    render({model, el}) {
        el.classList.add("bach-entry");
        const over = new AbortController(); // ends what listens outside of this element
        const unique = `bach-entry-${Math.random().toString(36).slice(2)}`;

        // Typed notes, and the staff that shows what is understood.
        const notes = make("textarea", "bach-notes", {
            id: unique, rows: 2, spellcheck: false, autocapitalize: "off", autocomplete: "off",
            placeholder: model.get("example"), value: model.get("value"),
        });
        const staff = make("div", "bach-staff");
        staff.setAttribute("role", "img");
        const understood = make("span", "bach-understood");
        const mistake = make("span", "bach-mistake");
        mistake.setAttribute("role", "status");
        notes.setAttribute("aria-describedby", `${unique}-said`);
        let typing, patience;

        function give(value) {
            clearTimeout(typing);
            model.set("value", value);
            if (model.get("file")) model.set("file", null);
            model.save_changes();
        }
        notes.addEventListener("input", () => {
            clearTimeout(typing);
            typing = setTimeout(give, TYPING_PAUSE, notes.value);
        });
        notes.addEventListener("blur", () => {
            if (notes.value !== model.get("value")) give(notes.value);
        });

        function showNotes() {
            if (notes.value !== model.get("value") && document.activeElement !== notes) {
                notes.value = model.get("value");
            }
        }
        function showUnderstood() {
            staff.innerHTML = model.get("staff");
            staff.setAttribute("aria-label", `Staff: ${model.get("understood")}`);
            understood.textContent = model.get("understood");
            clearTimeout(patience);
            const now = model.get("mistake");
            patience = setTimeout(() => {
                mistake.textContent = now;
                notes.setAttribute("aria-invalid", String(now !== ""));
            }, now ? PATIENCE : 0);
            staff.scrollTop = staff.scrollHeight;
            playing.disabled = model.get("tune").length === 0;
        }

        // The staff is drawn as wide as it is shown, but not at each step of a window's edge.
        const wide = new ResizeObserver(() => {
            const width = Math.max(300, 20 * Math.floor(staff.clientWidth / 20));
            if (staff.clientWidth === 0 || width === model.get("width")) return;
            model.set("width", Math.min(width, 2000));
            model.save_changes();
        });
        wide.observe(staff);

        // Notes of a chosen length go in where the cursor was last.
        let chosen = LENGTHS[2], dotted = false;
        const written = () => (dotted ? chosen.dotted : chosen.written);
        const seconds = () => chosen.beats * (dotted ? 1.5 : 1) * SECONDS_PER_BEAT;

        function insert(word) {
            const [before, after] = [notes.value.slice(0, notes.selectionEnd), notes.value.slice(notes.selectionEnd)];
            const start = before.trimEnd() + (before.trim() && word !== "!" ? " " : "") + word;
            replace(start, after);
        }
        function replace(start, after) {
            notes.value = start + (after.trim() ? ` ${after.trimStart()}` : "");
            notes.setSelectionRange(start.length, start.length);
            notes.scrollTop = notes.scrollHeight;
            give(notes.value);
        }
        const enter = pitch => insert(nameOf(pitch) + written());
        const enterRest = () => insert(`r${written()}`);
        const endPhrase = () => {
            if (/[\w#]\s*$/.test(notes.value.slice(0, notes.selectionEnd))) insert("!");
        };
        const erase = () => {
            const before = notes.value.slice(0, notes.selectionEnd).trimEnd();
            replace(before.replace(/[^\s,;|]+[\s,;|]*$/, "").trimEnd(), notes.value.slice(notes.selectionEnd));
        };

        const lengths = LENGTHS.map(length => button(drawNote(length), () => choose(length), {
            label: `${length.name} (key ${length.digit})`,
        }));
        const dot = button("•", () => choose(chosen, !dotted), {label: "Dot: half as long again (key .)"});
        dot.classList.add("bach-dot");
        function choose(length, withDot = dotted) {
            [chosen, dotted] = [length, withDot];
            LENGTHS.forEach((one, at) => lengths[at].setAttribute("aria-pressed", String(one === length)));
            dot.setAttribute("aria-pressed", String(dotted));
        }
        choose(chosen);

        let stop = null;
        const playing = button("▶ Play", () => {
            if (stop) return stop();
            playing.textContent = "■ Stop";
            stop = play(model.get("tune"), () => {
                stop = null;
                playing.textContent = "▶ Play";
            });
        });
        const group = (label, ...children) => {
            const box = make("div", "bach-group", {label}, children);
            box.setAttribute("role", "group");
            return box;
        };
        const tools = make("div", "bach-tools", {}, [
            group("Length of the next note", ...lengths, dot),
            group("Notes",
                button("Rest", enterRest, {label: "Rest (key 0)"}),
                button("Phrase end", endPhrase, {label: "End a phrase with the note before (key !)"}),
                button("⌫ Delete", erase, {label: "Delete the note before (backspace)"}),
                playing),
        ]);

        // A piano of two octaves; one key at a time can be reached with the tab key.
        let first = 60, current = 72;
        const keys = make("div", "bach-keys", {label: "Piano: arrows move, space enters the note"});
        keys.setAttribute("role", "group");
        let alreadySounding = false;
        function drawKeys() {
            const count = 12 * OCTAVES_SHOWN + 1;
            const whites = 7 * OCTAVES_SHOWN + 1;
            let white = 0;
            current = Math.min(Math.max(current, first), first + count - 1);
            keys.replaceChildren(...Array.from({length: count}, (_, at) => {
                const pitch = first + at;
                const black = BLACK.includes(pitch % 12);
                const key = make("button", `bach-key ${black ? "bach-black" : "bach-white"}`, {
                    type: "button", label: spokenName(pitch), tabIndex: pitch === current ? 0 : -1,
                });
                key.dataset.pitch = pitch;
                const width = 100 / whites;
                key.style.left = `${black ? (white - 0.32) * width : white * width}%`;
                key.style.width = `${black ? 0.64 * width : width}%`;
                if (!black) white += 1;
                if (pitch % 12 === 0) key.append(make("span", "", {textContent: nameOf(pitch)}));
                return key;
            }));
            lower.disabled = first <= LOWEST;
            higher.disabled = first >= HIGHEST;
        }
        const keyOf = pitch => keys.querySelector(`[data-pitch="${pitch}"]`);
        function show(pitch) {
            const last = first + 12 * OCTAVES_SHOWN;
            if (pitch < first || pitch > last) {
                first = Math.min(Math.max(pitch - (pitch % 12) - (pitch > last ? 12 : 0), LOWEST), HIGHEST);
            }
            current = pitch;
            drawKeys();
        }
        function press(pitch) {
            sound(pitch, seconds());
            enter(pitch);
            const key = keyOf(pitch);
            key?.classList.add("bach-down");
            setTimeout(() => key?.classList.remove("bach-down"), 150);
        }
        function shift(octaves) {
            first = Math.min(Math.max(first + 12 * octaves, LOWEST), HIGHEST);
            current = Math.min(Math.max(current + 12 * octaves, 0), 127);
            drawKeys();
        }
        keys.addEventListener("pointerdown", event => {
            const key = event.target.closest(".bach-key");
            if (!key) return;
            sound(Number(key.dataset.pitch), seconds());
            alreadySounding = true;
        });
        keys.addEventListener("click", event => {
            const key = event.target.closest(".bach-key");
            if (!key) return;
            const pitch = Number(key.dataset.pitch);
            if (!alreadySounding) sound(pitch, seconds());
            alreadySounding = false;
            keyOf(current)?.setAttribute("tabindex", -1);
            key.tabIndex = 0;
            current = pitch;
            enter(pitch);
        });
        keys.addEventListener("keydown", event => {
            if (event.ctrlKey || event.metaKey || event.altKey) return;
            const steps = {ArrowLeft: -1, ArrowRight: 1, ArrowDown: -12, ArrowUp: 12}[event.key];
            const length = LENGTHS.find(one => one.digit === event.key);
            const place = PLACES.indexOf(event.code);
            if (steps !== undefined) {
                show(Math.min(Math.max(current + steps, LOWEST), HIGHEST + 12 * OCTAVES_SHOWN));
                keyOf(current).focus();
            } else if (event.key === "Backspace" || event.key === "Delete") erase();
            else if (event.key === "!") endPhrase();
            else if (event.key === ".") choose(chosen, !dotted);
            else if (event.key === "0") enterRest();
            else if (length) choose(length);
            else if (event.code === "KeyZ" || event.code === "KeyX") {
                shift(event.code === "KeyZ" ? -1 : 1);
                keyOf(current)?.focus();
            } else if (place >= 0) {
                if (!event.repeat) press(first + place);
            } else return; // the tab key, or a space, which the browser makes a click
            event.preventDefault();
            event.stopPropagation(); // JupyterLab has meanings of its own for letters
        });
        const lower = button("◂", () => shift(-1), {label: "An octave lower (key Z)"});
        const higher = button("▸", () => shift(1), {label: "An octave higher (key X)"});
        drawKeys();
        const piano = make("div", "bach-piano", {}, [lower, keys, higher]);

        // A MIDI keyboard, asked for by a button, as browsers want it.
        const midiSaid = make("span", "bach-said");
        midiSaid.setAttribute("role", "status");
        const midi = button("MIDI keyboard", async () => {
            try {
                listen(await navigator.requestMIDIAccess());
            } catch {
                midiSaid.textContent = "The browser did not allow it. See the sign beside its address bar.";
            }
        }, {label: "Play the notes on a MIDI keyboard"});
        function listen(access) {
            const attach = () => {
                const names = Array.from(access.inputs.values(), input => {
                    input.onmidimessage = heard;
                    return input.name;
                });
                midi.setAttribute("aria-pressed", String(names.length > 0));
                midiSaid.textContent = names.length ? `Listening to ${names.join(", ")}.`
                    : "No MIDI keyboard is connected. Connect one, it is found at once.";
            };
            access.onstatechange = attach;
            attach();
            over.signal.addEventListener("abort", () => {
                access.onstatechange = null;
                access.inputs.forEach(input => { input.onmidimessage = null; });
            });
        }
        function heard({data: [status, pitch, velocity]}) {
            if ((status & 0xf0) === 0x90 && velocity > 0) press(pitch);
        }
        if (!navigator.requestMIDIAccess) {
            midi.disabled = true;
            midi.title = "This browser has no Web MIDI; Chrome, Edge and Firefox have.";
        }

        // A file, chosen or dropped anywhere on the widget.
        const chooser = make("input", "bach-chooser", {
            type: "file", accept: model.get("endings"), label: "A file: MIDI or MusicXML",
        });
        const fileSaid = make("span", "bach-said");
        fileSaid.setAttribute("role", "status");
        const forget = button("✕", () => {
            model.set("file", null);
            model.save_changes();
        }, {label: "Leave the file out again"});
        const chooserLabel = make("label", "bach-button bach-file", {}, ["MIDI or MusicXML file", chooser]);
        async function take(file) {
            if (!file) return;
            const known = model.get("endings").split(",").some(ending => file.name.toLowerCase().endsWith(ending));
            if (!known || file.size > model.get("biggest")) {
                fileSaid.textContent = known ? `${file.name} is too big for a melody.`
                    : `${file.name}: choose a file that ends in ${model.get("endings").replaceAll(",", ", ")}.`;
                return;
            }
            model.set("file", [file.name, new DataView(await file.arrayBuffer())]);
            model.save_changes();
        }
        function showFile() {
            const file = model.get("file");
            fileSaid.textContent = file ? `The melody is in ${file[0]}.` : "";
            forget.hidden = !file;
            el.classList.toggle("bach-has-file", Boolean(file));
        }
        chooser.addEventListener("change", () => {
            take(chooser.files[0]);
            chooser.value = ""; // the same file may be chosen again
        });
        el.addEventListener("dragover", event => {
            if (!event.dataTransfer.types.includes("Files")) return;
            event.preventDefault();
            event.stopPropagation();
            el.classList.add("bach-over");
        });
        el.addEventListener("dragleave", event => {
            if (!el.contains(event.relatedTarget)) el.classList.remove("bach-over");
        });
        el.addEventListener("drop", event => {
            el.classList.remove("bach-over");
            if (!event.dataTransfer.files.length) return;
            event.preventDefault();
            event.stopPropagation(); // else JupyterLab would put it into its folder
            take(event.dataTransfer.files[0]);
        });

        el.append(
            make("label", "bach-label", {htmlFor: unique}, ["Notes"]),
            notes, staff,
            make("div", "bach-said", {id: `${unique}-said`}, [understood, mistake]),
            tools, piano,
            make("div", "bach-tools", {}, [chooserLabel, midi, fileSaid, forget, midiSaid]),
            make("details", "bach-help", {innerHTML: HELP}),
        );
        model.on("change:value", showNotes);
        model.on("change:staff change:understood change:mistake change:tune", showUnderstood);
        model.on("change:file", showFile);
        showUnderstood();
        showFile();
        return () => {
            over.abort();
            wide.disconnect();
            stop?.();
            clearTimeout(typing);
            clearTimeout(patience);
        };
    },
};
