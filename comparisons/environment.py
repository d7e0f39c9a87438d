"""What the results depend on besides the code: versions, machine, and what is not installed.

Everything is read from metadata; no framework is imported.
"""

from __future__ import annotations

import importlib.util
import os
import platform
from importlib import metadata
from typing import Any

from ..adapters import loading

CORE = ("backproof", "numpy", "pandas")
DATASETS = {"sklearn": "scikit-learn"}  # module to distribution


def lacking(adapter: str) -> str:
    """What is not installed of what the adapter runs on and how to install it; "" if all is."""
    modules = [m for m in loading.FRAMEWORKS.get(adapter, ()) if not _installed(m)]
    if not modules:
        return ""
    return f"{' and '.join(modules)} not installed: pip install 'backproof[{adapter}]'"


def lacking_data(modules: tuple[str, ...]) -> str:
    """The same for the modules whose bundled data a network trains on."""
    missing = [DATASETS.get(m, m) for m in modules if not _installed(m)]
    if not missing:
        return ""
    return f"{' and '.join(missing)} not installed: pip install 'backproof[datasets]'"


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # sys.modules holds None: somebody forbids the import
        return False


def versions(adapters: tuple[str, ...], modules: tuple[str, ...] = ()) -> dict[str, str]:
    """Distribution to version, of the core and of all that these adapters and data use."""
    found = {dist: metadata.version(dist) for dist in CORE}
    for name in adapters:
        found |= adapter_versions(name)
    for module in modules:
        if _installed(module):
            dist = DATASETS.get(module, module)
            found[dist] = metadata.version(dist)
    return {"python": platform.python_version(), **found}


def adapter_versions(adapter: str) -> dict[str, str]:
    """Distribution to version; what has no metadata, a vendored framework say, is left out."""
    try:
        return loading.versions(adapter)
    except metadata.PackageNotFoundError:
        return {}


def machine() -> dict[str, Any]:
    """Processor, usable cores, operating system; nothing that tells whose machine it is."""
    return {
        "processor": _processor(),
        "cores": usable_cores(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def usable_cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
