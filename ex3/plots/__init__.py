"""Results -> matplotlib ``Figure``: no Keras, no files, no pyplot state."""
