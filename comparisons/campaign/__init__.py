"""Random correct comparisons: what no implementation may ever be called wrong on."""
