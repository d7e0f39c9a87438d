"""One file, one thing done around the optimizer: clipping, accumulation, averages, scaling."""
