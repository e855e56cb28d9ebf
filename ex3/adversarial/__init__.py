"""Adversarial examples: attacks, the models they see, their evaluation, and a check of that evaluation.

Read it in this order: ``attacks`` (NumPy alone), ``victims`` (a Keras classifier as the attacks see it), ``cases``
(which attacks are run), ``judging`` (success, noise, smallest epsilon), ``self_check``, ``summaries`` (the three
figures' results), ``study`` (all of it for one config).
"""
