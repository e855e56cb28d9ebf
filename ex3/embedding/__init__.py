"""The plane of an autoencoder beside PCA's and t-SNE's: ``planes``, their ``scores``, and the ``comparison`` of all."""
