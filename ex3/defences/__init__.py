"""Defences: losses of robust training, and proofs that no noise of a bound changes an answer.

``losses`` makes the loss of a config: attacks inside the compiled step, or the worst case of ``intervals``, boxes that
TensorFlow propagates and differentiates. ``certificate`` (NumPy alone) propagates boxes once more, with every rounding
error accounted for, and ``crown`` bounds networks with one hidden layer more tightly; ``layers`` reads a Keras model
for both.
"""
