"""The answers to the exercise: text from templates, numbers from the figures' twins, every comparison checked.

``pdf`` sets them for paper, and ``archive`` packs them with the code.
"""
