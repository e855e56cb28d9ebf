"""Neural networks written by hand: NumPy, and nothing that differentiates by itself.

Read it in this order: ``targets`` (what is to be learned), ``layers`` and ``losses`` (each with its derivative),
``network`` (the chain rule), ``sgd`` (learning).

Shapes. A batch is a matrix whose columns are samples, ``(n, B)``, so that code and algebra look alike: y = W x. Any
number of axes may stand before these two. The toy experiments use one, of length M: M independent models, each with
its own data and its own weights, go through the same lines of code at once.
"""
