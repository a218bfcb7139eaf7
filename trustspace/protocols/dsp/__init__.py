"""The Dataspace Protocol 2025-1: core values to bytes and back, its endpoints, its version document. Pure."""

from __future__ import annotations

from trustspace.protocols.dsp.answers import (
    encode_error,
    encode_state,
    pids_in,
    read_reason,
    read_state,
    without_secrets,
)
from trustspace.protocols.dsp.catalogue import (
    CatalogView,
    DataService,
    DatasetView,
    Distribution,
    catalog_of,
    dataset_of,
    decode_catalog,
    decode_dataset,
    encode_catalog,
    encode_dataset,
    encode_entry,
)
from trustspace.protocols.dsp.links import read_links, write_links
from trustspace.protocols.dsp.messages import (
    SHAPES,
    CatalogRefusal,
    CatalogRequest,
    NegotiationAnswer,
    NegotiationRefusal,
    TransferAnswer,
    TransferRefusal,
    decode,
    encode,
)
from trustspace.protocols.dsp.paths import BASE, ENDPOINTS, WELL_KNOWN, Area, Endpoint, join, path_of
from trustspace.protocols.dsp.version import VERSION, Version, choose, decode_versions, encode_versions

__all__ = [
    "BASE",
    "ENDPOINTS",
    "SHAPES",
    "VERSION",
    "WELL_KNOWN",
    "Area",
    "CatalogRefusal",
    "CatalogRequest",
    "CatalogView",
    "DataService",
    "DatasetView",
    "Distribution",
    "Endpoint",
    "NegotiationAnswer",
    "NegotiationRefusal",
    "TransferAnswer",
    "TransferRefusal",
    "Version",
    "catalog_of",
    "choose",
    "dataset_of",
    "decode",
    "decode_catalog",
    "decode_dataset",
    "decode_versions",
    "encode",
    "encode_catalog",
    "encode_dataset",
    "encode_entry",
    "encode_error",
    "encode_state",
    "encode_versions",
    "join",
    "path_of",
    "pids_in",
    "read_links",
    "read_reason",
    "read_state",
    "without_secrets",
    "write_links",
]
