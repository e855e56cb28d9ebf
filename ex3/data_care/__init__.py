"""Training images that are looked at, and changed: made rare and mislabelled on purpose, mended, or left out (R2).

``altered.py`` trains a network on them; ``suspects.py`` finds labels that are probably wrong; ``remedies.py`` compares
what can be done about rare classes and wrong labels.
"""
