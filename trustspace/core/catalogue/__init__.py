"""统一目录: data products as entries of a functional node's catalogue, their codes, and what they are found by."""

from trustspace.core.catalogue.access import AccessRule, Visitor, access_rule, admits
from trustspace.core.catalogue.codes import (
    DELIVERY_FORMS,
    SECURITY_LEVELS,
    TOPICS,
    UPDATE_FREQUENCIES,
    check_code,
    check_security,
    check_topic,
)
from trustspace.core.catalogue.entries import (
    MACHINE,
    Actor,
    Entry,
    Product,
    State,
    Step,
    Verb,
    approve,
    delist,
    list_,
    return_,
    revoke,
    submit,
    update,
)
from trustspace.core.catalogue.resolution import Resolution
from trustspace.core.catalogue.terms import query_terms, terms

__all__ = [
    "DELIVERY_FORMS",
    "MACHINE",
    "SECURITY_LEVELS",
    "TOPICS",
    "UPDATE_FREQUENCIES",
    "AccessRule",
    "Actor",
    "Entry",
    "Product",
    "Resolution",
    "State",
    "Step",
    "Verb",
    "Visitor",
    "access_rule",
    "admits",
    "approve",
    "check_code",
    "check_security",
    "check_topic",
    "delist",
    "list_",
    "query_terms",
    "return_",
    "revoke",
    "submit",
    "terms",
    "update",
]
