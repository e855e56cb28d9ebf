"""The colours of all figures, by what they stand for: the same thing has the same colour everywhere.

They are Okabe and Ito's, which colour-blind readers can tell apart, with greys, and darker ones for
words.
"""

from itertools import cycle, islice

BLUE, GREEN, ORANGE, VERMILION, PURPLE, SKY, BLACK, GREY, LIGHT_GREY = (
    "#0072B2", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#666666", "#999999",
)  # fmt: skip
DARK_BLUE = "#003F63"
RIGHT, WRONG, FAINT = "#007a50", "#c03b00", "#767676"  # of words

SPLIT_COLOURS = {"train": BLUE, "validation": GREEN, "test": VERMILION}
MODEL_COLOURS = {"linear": ORANGE, "mlp": GREEN, "convnet": BLUE}
ATTACK_COLOURS = {"noise": GREY, "fgsm": ORANGE, "pgd": BLUE, "adaptive": VERMILION}
DEFENCE_COLOURS = {  # a network that is trained on an attack has the attack's colour
    "nothing": BLACK, "noise": ATTACK_COLOURS["noise"], "fgsm": ATTACK_COLOURS["fgsm"], "pgd": ATTACK_COLOURS["pgd"],
    "ibp": GREEN, "ibp-contrast": PURPLE,
}  # fmt: skip
BOUND_COLOURS = {"intervals": DEFENCE_COLOURS["ibp"], "crown": SKY}
PLANE_COLOURS = {"autoencoder": BLUE, "structured": GREEN}
TREATMENT_COLOURS = {"nothing": VERMILION, "dropout": BLUE, "augmentation": GREEN, "both": PURPLE}
BEST, OTHER = BLUE, GREY  # of several settings
FORWARD, BACKWARD = BLUE, VERMILION  # values and gradients
SERIES_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)  # of what has no colour of its own, in order
# Of classes: Okabe and Ito's without their pale yellow, then a grey, and a wine red and an olive of Tol's.
CLASS_COLOURS = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, BLACK, LIGHT_GREY, "#882255", "#999933")


def series_colours(count: int) -> list[str]:
    """Return colours for ``count`` things that have none of their own; they begin anew where there are too few."""
    return list(islice(cycle(SERIES_COLOURS), count))
