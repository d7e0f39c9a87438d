"""Published worked examples of backpropagation, recomputed and compared with the printed digits.

Each file but the first few holds the examples of one source, as data (``EXAMPLES``) and as the few
lines that compute them in any adapter's arithmetic. To add a source, add a file.
"""
