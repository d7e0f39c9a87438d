"""One file, one initialiser: the distribution that a weight starts from."""
