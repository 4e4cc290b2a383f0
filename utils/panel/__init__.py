"""The instrument: a panel for people who do not program, in the lesson and as a page of its own."""
