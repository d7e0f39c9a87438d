"""Backproof: hand-derived NumPy backprop beside PyTorch autograd and JAX grad, compared.

Importing this package imports nothing else: every name below is loaded when it is first used,
and PyTorch and JAX only when an adapter needs them. Besides the functions and classes listed in
``_HOME``, every layer, loss, optimizer, schedule, transform and initialiser of
``backproof.reference`` is a name here.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adapters.loading import MissingFramework as MissingFramework
    from .adapters.loading import UnknownName as UnknownName
    from .adapters.loading import load as load_adapter
    from .adapters.loading import names as adapter_names
    from .adapters.protocols import VJP as VJP
    from .adapters.protocols import Adapter as Adapter
    from .adapters.protocols import Candidate as Candidate
    from .adapters.protocols import Unsupported as Unsupported
    from .adapters.protocols import Updated as Updated
    from .comparisons.attribution.findings import blame as blame
    from .comparisons.attribution.interval import Interval as Interval
    from .comparisons.attribution.measures import compare_attribution as compare_attribution
    from .comparisons.attribution.monotone import monotonicity as monotonicity
    from .comparisons.attribution.subject import subject as subject
    from .comparisons.attribution.surrogate import surrogate_tree as surrogate_tree
    from .comparisons.case import Case as Case
    from .comparisons.case_files import CaseFileError as CaseFileError
    from .comparisons.case_files import read as read_case
    from .comparisons.cases import CaseError as CaseError
    from .comparisons.compare import compare_function as compare_function
    from .comparisons.compare import compare_optimizer as compare_optimizer
    from .comparisons.compare import compare_training as compare_training
    from .comparisons.compare import compare_vjp as compare_vjp
    from .comparisons.diagnosis.public import diagnose_function as diagnose_function
    from .comparisons.diagnosis.public import diagnose_initialiser as diagnose_initialiser
    from .comparisons.diagnosis.public import diagnose_optimizer as diagnose_optimizer
    from .comparisons.diagnosis.public import diagnose_training as diagnose_training
    from .comparisons.diagnosis.public import diagnose_vjp as diagnose_vjp
    from .comparisons.diagnosis.verdicts import Cause as Cause
    from .comparisons.diagnosis.verdicts import Diagnosis as Diagnosis
    from .comparisons.distributions import compare_initialiser as compare_initialiser
    from .comparisons.examples.recompute import recompute_example as recompute_example
    from .comparisons.examples.recompute import worked_examples as worked_examples
    from .comparisons.mutants import Mutant as Mutant
    from .comparisons.mutants import adapter as mutant_adapter
    from .comparisons.mutants import mutants as mutants
    from .comparisons.named_network import NamedNetwork as NamedNetwork
    from .comparisons.records import Comparison as Comparison
    from .comparisons.results import read as read_results
    from .comparisons.results import save as save_results
    from .comparisons.shrinking import Shrunk as Shrunk
    from .comparisons.shrinking import shrink as shrink
    from .comparisons.summary import first_divergence as first_divergence
    from .explaining import Explained as Explained
    from .explaining import explain as explain
    from .reference.circuit import Circuit as Circuit
    from .reference.training import Step as Step

__version__ = "0.1.0"

_HOME = {
    "Adapter": ("adapters.protocols", "Adapter"),
    "Candidate": ("adapters.protocols", "Candidate"),
    "Case": ("comparisons.case", "Case"),
    "CaseError": ("comparisons.cases", "CaseError"),
    "CaseFileError": ("comparisons.case_files", "CaseFileError"),
    "Cause": ("comparisons.diagnosis.verdicts", "Cause"),
    "Circuit": ("reference.circuit", "Circuit"),
    "Comparison": ("comparisons.records", "Comparison"),
    "Diagnosis": ("comparisons.diagnosis.verdicts", "Diagnosis"),
    "Explained": ("explaining", "Explained"),
    "Interval": ("comparisons.attribution.interval", "Interval"),
    "MissingFramework": ("adapters.loading", "MissingFramework"),
    "Mutant": ("comparisons.mutants", "Mutant"),
    "NamedNetwork": ("comparisons.named_network", "NamedNetwork"),
    "Shrunk": ("comparisons.shrinking", "Shrunk"),
    "Step": ("reference.training", "Step"),
    "UnknownName": ("adapters.loading", "UnknownName"),
    "Unsupported": ("adapters.protocols", "Unsupported"),
    "Updated": ("adapters.protocols", "Updated"),
    "VJP": ("adapters.protocols", "VJP"),
    "adapter_names": ("adapters.loading", "names"),
    "blame": ("comparisons.attribution.findings", "blame"),
    "compare_attribution": ("comparisons.attribution.measures", "compare_attribution"),
    "compare_function": ("comparisons.compare", "compare_function"),
    "compare_initialiser": ("comparisons.distributions", "compare_initialiser"),
    "compare_optimizer": ("comparisons.compare", "compare_optimizer"),
    "compare_training": ("comparisons.compare", "compare_training"),
    "compare_vjp": ("comparisons.compare", "compare_vjp"),
    "diagnose_function": ("comparisons.diagnosis.public", "diagnose_function"),
    "diagnose_initialiser": ("comparisons.diagnosis.public", "diagnose_initialiser"),
    "diagnose_optimizer": ("comparisons.diagnosis.public", "diagnose_optimizer"),
    "diagnose_training": ("comparisons.diagnosis.public", "diagnose_training"),
    "diagnose_vjp": ("comparisons.diagnosis.public", "diagnose_vjp"),
    "explain": ("explaining", "explain"),
    "first_divergence": ("comparisons.summary", "first_divergence"),
    "load_adapter": ("adapters.loading", "load"),
    "monotonicity": ("comparisons.attribution.monotone", "monotonicity"),
    "mutant_adapter": ("comparisons.mutants", "adapter"),
    "mutants": ("comparisons.mutants", "mutants"),
    "read_case": ("comparisons.case_files", "read"),
    "read_results": ("comparisons.results", "read"),
    "recompute_example": ("comparisons.examples.recompute", "recompute_example"),
    "save_results": ("comparisons.results", "save"),
    "shrink": ("comparisons.shrinking", "shrink"),
    "subject": ("comparisons.attribution.subject", "subject"),
    "surrogate_tree": ("comparisons.attribution.surrogate", "surrogate_tree"),
    "worked_examples": ("comparisons.examples.recompute", "worked_examples"),
}


def __getattr__(name: str) -> Any:
    """A public name, imported on first use; ``__all__`` lists them, specs included."""
    if name == "__all__":
        return sorted([*_HOME, *_specs()])
    if name in _HOME:
        module, attribute = _HOME[name]
        value = getattr(importlib.import_module(f".{module}", __name__), attribute)
    elif not name.startswith("_") and name in _specs():
        value = _specs()[name]
    else:
        raise AttributeError(f"module 'backproof' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__getattr__("__all__")])


def _specs() -> dict[str, type[Any]]:
    from .reference import discovery

    return discovery.everything()
