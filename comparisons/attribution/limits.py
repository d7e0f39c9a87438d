"""What no figure says: printed with each of them."""

LIMITS = {
    "loss": "Exact. It says whose error it is, not who caused it.",
    "nodes": "Blame is a sensitivity: local, and no share; the blames of a layer add up to "
    "nothing. Silencing is exact for one node at a time, and does not add up. Shares count from "
    "the baseline, and along the straight path; with another baseline they are others.",
    "weights": "First order is local; deleting is exact for one weight at a time. An update moves "
    "w by -rate dL/dw, up or down by the signs of delta and of the input: no weight is lowered "
    "for belonging to the larger error.",
    "inputs": "Gradients are local. Shares depend on the baseline and on the path. None is causal: "
    "they are about this network, not about the world that its data is from.",
    "rules": "True of this network near this input only, with all other inputs held.",
    "monotone": "True of this network for every input in the box; it rests on IEEE arithmetic, and "
    "on NumPy's elementary functions being right to 4 units in the last place.",
    "tree": "The tree describes the network as far as its fidelity goes, and on data like this.",
}
