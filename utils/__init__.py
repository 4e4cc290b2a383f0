"""What the lesson calls rather than reads: MIDI, data, measures, pictures, sound, inference."""
