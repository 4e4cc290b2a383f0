"""Bach's chorales and your own music: pieces, windows, splits without leaks, data files."""
