"""Layers, heads, and networks in files."""
