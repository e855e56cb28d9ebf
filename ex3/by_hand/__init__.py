"""Hand-written networks on real images: trained, disturbed by noise, attacked, and allowed to reject (R3).

Read it in this order: ``training`` (a config and images -> a network of ``ex3/scratch``), ``victim`` (such a network as
the package's attacks see it), ``robustness`` (noise and attacks, and the gradients that a loss hides), ``rejection``
(networks that may answer "I don't know", and an attack that knows of it), ``detectors`` (what else tells odd images).
"""
