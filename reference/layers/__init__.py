"""One file, one layer: equation, derivation, hyperparameters, forward, backward, samples."""
