"""Piano rolls, curves, the film of a training, players: what is seen and heard in a page."""
