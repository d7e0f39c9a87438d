"""One file, one loss: a scalar function of a prediction and a target."""
