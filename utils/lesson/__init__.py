"""The notebook itself: its definitions, its execution, its published outputs."""
