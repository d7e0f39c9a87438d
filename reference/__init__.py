"""The hand-derived truth: layers, losses and optimizers in plain NumPy, one file each."""
