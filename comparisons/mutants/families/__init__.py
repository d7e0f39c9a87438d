"""Families of mutants, one a file; a new file is found by itself."""
