"""The hypotheses, one family a file."""
