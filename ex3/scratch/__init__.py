"""Neural networks written by hand, with NumPy alone, and SciPy's erf: no automatic differentiation.

Read in this order: ``targets`` (the toy functions to learn); ``layers``, ``activations`` and ``distances`` (each layer
with its derivative); ``losses`` (likewise); ``network`` (the chain rule); ``sgd`` (learning) and ``one_by_one`` (with a
batch size of 1, cheaply); ``intervals`` (a network's bounds, which are a network too); ``pca`` (fewer inputs); then
``toy`` (the toy experiment; ``ex3/by_hand`` has the classifiers of images). ``gradient_check`` checks every gradient.
``sigmoid``, ``threshold`` and ``theory`` check the answers to the theory questions numerically.

Shapes: a batch is a matrix whose rows are samples, ``(B, n)``, so that y = W x of one sample is y = x W^T of a batch.
Any number of axes may precede these two. The toy experiments use one, of length M: M independent models, each with its
own data and its own weights, computed at once.
"""
