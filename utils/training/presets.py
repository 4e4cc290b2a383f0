"""The lesson's presets, told before anything is trained: what each does, and how long it trains."""

from __future__ import annotations

# Minutes of training, on two cores of a server without a GPU and nothing beside it: of the tour by
# pretrained/speedrun.json, of the shipped runs by their histories, of which classic had half a machine.
PRESETS = {
    "tour": ("a small network, trained for real; the rest of the lesson uses the shipped weights, too", 1.5),
    "best": ("the recipe of the shipped weights: the same with a larger network, for longer", 14),
    "classic": ("the recipe of the lesson's ancestor, at full size: the pure WGAN-GP", 60),
    "smoke": ("three iterations of a tiny network: for tests", 0.1),
}


def tell_presets(chosen):
    """Write the presets as a table in Markdown, with the chosen one in bold.

    Parameters
    ----------
    chosen : str

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If there is no such preset.
    """
    if chosen not in PRESETS:
        raise ValueError(f"PRESET is {chosen!r}; choose one of {', '.join(PRESETS)}.")
    lines = ["| preset | what it does | minutes of training |", "|---|---|---|"]
    for name, (what, minutes) in PRESETS.items():
        shown = f"**{name}** (chosen)" if name == chosen else name
        lines.append(f"| {shown} | {what} | {minutes:g} |")
    return "\n".join(lines)
