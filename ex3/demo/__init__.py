"""What the page of ``python cli.py demo`` asks of the trained models: arrays in, arrays out; no page, no files.

``drawing.py`` makes a digit of what was drawn, ``classifiers.py`` answers for one image at a time, and ``lab.py`` puts
everything that the page may ask into one object.
"""
