"""The ledger: every hand-derived step beside the operation of a framework that computes the same.

``steps`` records the reference's own code while it runs, ``matching`` says which numbers are the
same, ``ledger`` lines the steps up with the events of an adapter, ``first_wrong`` finds where a
wrong program leaves the right one. A network to explain comes from ``problem``.
"""
