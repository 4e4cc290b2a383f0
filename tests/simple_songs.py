"""Simple songs, old and in the public domain, typed from memory: beats of pickup, tonic, mode, notes."""

SONGS = {
    "twinkle": (
        0,
        "C",
        "major",
        "C5 C5 G5 G5 A5 A5 G5:2 F5 F5 E5 E5 D5 D5 C5:2",
    ),
    "alle-meine-entchen": (
        0,
        "C",
        "major",
        "C5 D5 E5 F5 G5:2 G5:2 A5 A5 A5 A5 G5:4 F5 F5 F5 F5 E5:2 E5:2 D5 D5 D5 D5 C5:4",
    ),
    "haenschen-klein": (
        0,
        "C",
        "major",
        "G4 E4 E4:2 F4 D4 D4:2 C4 D4 E4 F4 G4 G4 G4:2 G4 E4 E4:2 F4 D4 D4:2 C4 E4 G4 G4 C4:4",
    ),
    "mary-had-a-little-lamb": (
        0,
        "G",
        "major",
        "B4 A4 G4 A4 B4 B4 B4:2 A4 A4 A4:2 B4 D5 D5:2 B4 A4 G4 A4 B4 B4 B4 B4 A4 A4 B4 A4 G4:4",
    ),
    "hot-cross-buns": (
        0,
        "F",
        "major",
        "A4:2 G4:2 F4:4 A4:2 G4:2 F4:4 F4 F4 F4 F4 G4 G4 G4 G4 A4:2 G4:2 F4:4",
    ),
    "frere-jacques": (
        0,
        "G",
        "major",
        """G4 A4 B4 G4 G4 A4 B4 G4 B4 C5 D5:2 B4 C5 D5:2 D5:1/2 E5:1/2 D5:1/2 C5:1/2 B4 G4 D5:1/2
        E5:1/2 D5:1/2 C5:1/2 B4 G4 G4 D4 G4:2 G4 D4 G4:2""",
    ),
    "au-clair-de-la-lune": (
        0,
        "C",
        "major",
        """C5 C5 C5 D5 E5:2 D5:2 C5 E5 D5 D5 C5:4 D5 D5 D5 D5 A4:2 A4:2 D5 C5 B4 A4 G4:4 C5 C5 C5 D5
        E5:2 D5:2 C5 E5 D5 D5 C5:4""",
    ),
    "jingle-bells": (
        0,
        "G",
        "major",
        """B4 B4 B4:2 B4 B4 B4:2 B4 D5 G4:3/2 A4:1/2 B4:4 C5 C5 C5:3/2 C5:1/2 C5 B4 B4 B4 D5 D5 C5 A4
        G4:4""",
    ),
    "good-king-wenceslas": (
        0,
        "G",
        "major",
        """G4 G4 G4 A4 G4 G4 D4:2 E4 D4 E4 F#4 G4:2 G4:2 G4 G4 G4 A4 G4 G4 D4:2 E4 D4 E4 F#4 G4:2 G4:2
        D5 C5 B4 A4 B4 A4 G4:2 E4 D4 E4 F#4 G4:2 G4:2 D4 D4 E4 F#4 G4 G4 A4:2 D5 C5 B4 A4 G4:2 C5:2
        G4:4""",
    ),
    "old-hundredth": (
        1,
        "G",
        "major",
        """G4 G4 F#4 E4 D4 G4 A4 B4:3 B4 B4 B4 A4 G4 C5 B4 A4:3 G4 A4 B4 A4 G4 E4 F#4 G4:3 D5 B4 G4 A4
        C5 B4 A4 G4:3""",
    ),
    "joy-to-the-world": (
        0,
        "D",
        "major",
        "D5:2 C#5:3/2 B4:1/2 A4:3 G4 F#4:2 E4:2 D4:3 A4 B4:3 B4 C#5:3 C#5 D5:4",
    ),
    "lightly-row": (
        0,
        "F",
        "major",
        "C5 A4 A4:2 Bb4 G4 G4:2 F4 G4 A4 Bb4 C5 C5 C5:2 C5 A4 A4:2 Bb4 G4 G4:2 F4 A4 C5 C5 F4:4",
    ),
    "aura-lee": (
        0,
        "C",
        "major",
        """G4 C5 B4 C5 D5 A4 D5:2 C5 B4 A4 B4 C5:4 G4 C5 B4 C5 D5 A4 D5:2 C5 B4 A4 B4 C5:4 E5:4 E5:4 E5
        D5 C5 D5 E5:4 E5 E5 F5 E5 D5 A4 D5:3/2 C5:1/2 B4 E5 D5:3/2 C5:1/2 C5:4""",
    ),
    "when-the-saints": (
        3,
        "F",
        "major",
        """F4 A4 Bb4 C5:4 r F4 A4 Bb4 C5:4 r F4 A4 Bb4 C5:2 A4:2 F4:2 A4:2 G4:4 r A4 A4 G4 F4:3 F4 A4:2
        C5 C5 Bb4:3 A4 Bb4 C5:2 A4 F4 G4:2 F4:4""",
    ),
    "ode-to-joy": (
        0,
        "D",
        "major",
        """F#4 F#4 G4 A4 A4 G4 F#4 E4 D4 D4 E4 F#4 F#4:3/2 E4:1/2 E4:2 F#4 F#4 G4 A4 A4 G4 F#4 E4 D4 D4
        E4 F#4 E4:3/2 D4:1/2 D4:2""",
    ),
    "kuckuck": (
        0,
        "C",
        "major",
        """G5 E5 G5 E5 D5 C5 D5 C5:1 D5 D5 E5 F5 D5:2 r:2 E5 E5 F5 G5 E5:2 r:2 G5 E5 G5 E5 F5 E5 D5
        C5:3""",
    ),
    "winter-ade": (
        0,
        "F",
        "major",
        "C5:2 A4:2 F4:4 G4 A4 Bb4 G4 A4:2 F4:2 C5:2 A4:2 F4:4 G4 A4 Bb4 G4 F4:4",
    ),
    "london-bridge": (
        0,
        "G",
        "major",
        """D5:3/2 E5:1/2 D5 C5 B4 C5 D5:2 A4 B4 C5:2 B4 C5 D5:2 D5:3/2 E5:1/2 D5 C5 B4 C5 D5:2 A4:2
        D5:2 B4 G4:3""",
    ),
    "yankee-doodle": (
        0,
        "C",
        "major",
        "C5 C5 D5 E5 C5 E5 D5 G4 C5 C5 D5 E5 C5:2 B4:2 C5 C5 D5 E5 F5 E5 D5 C5 B4 G4 A4 B4 C5:2 C5:2",
    ),
    "this-old-man": (
        0,
        "F",
        "major",
        """C5 A4 C5:2 C5 A4 C5:2 D5 C5 Bb4 A4 G4 A4 Bb4:2 A4:1/2 Bb4:1/2 C5 F4 F4 F4:1/2 G4:1/2 A4:1/2
        Bb4:1/2 C5 r C5 G4 G4 Bb4 A4 G4 F4:4""",
    ),
    "skip-to-my-lou": (
        0,
        "F",
        "major",
        "A4 F4 A4 A4 C5:3 r G4 E4 G4 G4 Bb4:3 r A4 F4 A4 A4 C5:3 r G4 A4 Bb4 A4 G4 F4 F4:2",
    ),
    "go-tell-aunt-rhody": (
        0,
        "G",
        "major",
        "B4:2 B4 A4 G4:2 G4:2 A4:2 A4 C5 B4:2 A4:2 D5:2 D5 C5 B4:2 B4:2 A4 G4 A4 B4 G4:4",
    ),
    "fuchs-du-hast": (
        0,
        "C",
        "major",
        """C5 D5 E5 F5 G5:2 G5:2 A5 F5 C6 A5 G5:4 A5 F5 C6 A5 G5:4 G5 F5 F5 F5 F5 E5 E5 E5 E5 D5 D5 D5
        D5 C5:3""",
    ),
    "summ-summ-summ": (
        0,
        "G",
        "major",
        """D5:2 C5:2 B4:4 A4 B4 C5 A4 G4:4 B4 C5 D5 B4 A4 B4 C5 A4 B4 C5 D5 B4 A4 B4 C5 A4 D5:2 C5:2
        B4:4 A4 B4 C5 A4 G4:4""",
    ),
    "oh-susanna": (
        1,
        "F",
        "major",
        """F4:1/2 G4:1/2 A4 C5 C5:3/2 D5:1/2 C5 A4 F4:3/2 G4:1/2 A4 A4 G4 F4 G4:3 F4:1/2 G4:1/2 A4 C5
        C5:3/2 D5:1/2 C5 A4 F4:3/2 G4:1/2 A4 A4 G4 G4 F4:3""",
    ),
    "morgen-kommt-der-weihnachtsmann": (
        0,
        "F",
        "major",
        "F4 F4 C5 C5 D5 D5 C5:2 Bb4 Bb4 A4 A4 G4:3/2 A4:1/2 F4:2",
    ),
    "wayfaring-tune": (
        1,
        "D",
        "minor",
        "D4 D4 F4 G4 A4 A4:3 A4 C5 A4 G4 F4 G4:3 A4 C5 D5 C5 A4 G4 F4 D4 F4 G4 F4 E4 D4:3",
    ),
    "o-come-emmanuel": (
        1,
        "E",
        "minor",
        """E4 G4 B4 B4 B4 A4 C5 B4 A4 G4:3 A4 B4 G4 E4 G4 A4 F#4 E4 D4 E4:3 D5 D5:3 B4 B4:3 B4 A4 C5 B4
        A4 G4:3 A4 B4 G4 E4 G4 A4 F#4 E4 D4 E4:3""",
    ),
    "maria-durch-ein-dornwald": (
        0,
        "A",
        "minor",
        "A4 A4 B4 C5 D5 C5 B4:2 A4 B4 C5 D5 E5:2 D5:2 C5 B4 A4 G#4 A4:4",
    ),
    "shalom-chaverim": (
        1,
        "E",
        "minor",
        "B4 E5 E5 F#5 G5 E5:2 B4:2 G5 G5 A5 B5 G5:3 B5 B5 B5 A5 G5 F#5:2 E5:2 E5 G5 F#5 D5 E5:3",
    ),
}
