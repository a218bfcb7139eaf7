"""trustspace: trusted data spaces (可信数据空间) for Python.

Publish data products, negotiate usage policies, exchange data under contracts that both sides sign. Every name is
loaded when it is first used: importing the library loads no adapter, and costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trustspace.version import VERSION

if TYPE_CHECKING:
    from trustspace.core.policy import offer, use
    from trustspace.node.client import Client, DataProduct, DatasetAt
    from trustspace.node.connector import Connector
    from trustspace.node.connector import Connector as Node

__all__ = ["Client", "Connector", "DataProduct", "DatasetAt", "Node", "__version__", "offer", "use"]

__version__ = VERSION
_LAZY: Final = {
    "Client": ("trustspace.node.client", "Client"),
    "Connector": ("trustspace.node.connector", "Connector"),
    "DataProduct": ("trustspace.node.client", "DataProduct"),
    "DatasetAt": ("trustspace.node.client", "DatasetAt"),
    "Node": ("trustspace.node.connector", "Connector"),
    "offer": ("trustspace.core.policy", "offer"),
    "use": ("trustspace.core.policy", "use"),
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'trustspace' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _LAZY[name]
    return getattr(import_module(module), attribute)
