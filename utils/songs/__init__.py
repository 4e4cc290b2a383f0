"""Songs as files: reading, finding the melody, writing MIDI, scores and sound."""
