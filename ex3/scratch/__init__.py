"""Neural networks written by hand, with NumPy alone: no automatic differentiation, no other package.

Read in this order: ``targets`` (the functions to learn), ``layers`` and ``losses`` (each with its derivative),
``network`` (the chain rule), ``sgd`` (learning), ``toy`` (the toy experiment). ``gradient_check`` checks every
gradient; ``sigmoid``, ``threshold`` and ``theory`` check the answers to the theory questions numerically.

Shapes: a batch is a matrix whose columns are samples, ``(n, B)``, so that code and algebra look alike: y = W x. Any
number of axes may precede these two. The toy experiments use one, of length M: M independent models, each with its own
data and its own weights, computed at once.
"""
