"""One file, one optimizer: the update rule for one array."""
