"""One file, one learning-rate schedule: the rate of every update, counted from 1."""
