"""How good a classifier's answers are: ``scores`` needs the answered classes, ``confidence`` their probabilities."""
