"""Results -> matplotlib ``Figure``: no Keras, no files, no pyplot state.

Settings of the user's environment are overruled here, before a module of this package imports matplotlib.
"""

import logging
import os

os.environ["MPLBACKEND"] = "agg"  # the user's own may name a backend that does not exist
logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns when it cannot write its cache
