"""trustspace: trusted data spaces (可信数据空间) for Python.

Publish data products, negotiate usage policies, exchange data under contracts that both sides sign. `Connector`,
`Client` and `Node` are loaded when they are first used: importing the library loads no adapter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trustspace.core.policy import offer, use
from trustspace.version import VERSION as __version__

if TYPE_CHECKING:
    from trustspace.node.client import Client, DataProduct
    from trustspace.node.connector import Connector
    from trustspace.node.connector import Connector as Node

__all__ = ["Client", "Connector", "DataProduct", "Node", "__version__", "offer", "use"]

_LAZY: Final = {
    "Client": ("trustspace.node.client", "Client"),
    "Connector": ("trustspace.node.connector", "Connector"),
    "DataProduct": ("trustspace.node.client", "DataProduct"),
    "Node": ("trustspace.node.connector", "Connector"),
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'trustspace' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _LAZY[name]
    return getattr(import_module(module), attribute)
