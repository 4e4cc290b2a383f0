"""Music theory, meters, measures: NumPy and SciPy, no files."""
