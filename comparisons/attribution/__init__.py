"""Who is to blame, what matters, and in words: what a network's numbers are due to.

Each is computed by hand, from the reference's backward passes, and by any adapter, and compared.
"""
