"""Diagnosis: from wrong numbers to what made them.

A hypothesis is another truth. When a candidate mismatches, every hypothesis of the registry puts
other specs in the reference's place, the reference runs with them, and the candidate is judged
against *that*, under tolerances computed for it. What brings every number within rounding is a
cause; among several the simplest is named first, and that they cannot be told apart is said.

    registry     the decorator ``hypothesis`` and what it proposes
    hypotheses   one family a file: known mistakes, other conventions, one operation different...
    parts        the specs within specs, and putting others in their place
    around       other specs made of right ones: hooks around methods, mixtures of right and wrong
    operations   the reference's own operations, found by running it, told by their source
    bench        a candidate's numbers beside those of any specs
    fitting      a free number, fitted and snapped to one with a name
    evidence     when to believe: minimum description length
    search       every proposal, tried and ranked; two causes at once
    locate       which layer is wrong: each is asked alone
    initialisers the same for distributions, by a statistical test
    second       causes told apart on other numbers
    verdicts     what is found, in words
    public       ``diagnose_vjp``, ``diagnose_optimizer``, ...
"""
