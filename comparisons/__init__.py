"""The harness: cases, measures, tolerances, comparisons. Names no framework."""
