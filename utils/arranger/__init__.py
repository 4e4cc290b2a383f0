"""From a melody to an arrangement: proposals, search, takes, the panel."""
