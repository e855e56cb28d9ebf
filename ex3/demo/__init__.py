"""The page of ``python cli.py demo``, and what it asks of the trained models: arrays in, arrays out; no files.

``drawing.py`` makes a digit of what was drawn, ``classifiers.py`` answers for one image at a time, and ``lab.py`` puts
everything that the page may ask into one object. ``page.py`` serves the page, with a file for each of its tabs;
``pad.js``, ``plane.js`` and ``slider.js`` are its parts in the browser.
"""
