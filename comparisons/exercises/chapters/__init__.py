"""The exercises, one chapter of the lesson a file; each file's list is ``EXERCISES``."""
