"""统一目录标识 and the codes around it: parse, build, explain (NDI-TR-2025-04, GB 32100, GB 11643, ISO/IEC 7064)."""

from trustspace.core.identifiers.build import make, make_contract
from trustspace.core.identifiers.check import (
    ALPHANUMERIC,
    STAR,
    Algorithm,
    check_character,
    credit_code_check,
    organisation_check,
    resident_check,
)
from trustspace.core.identifiers.codes import Kind, check_place, place_name
from trustspace.core.identifiers.explain import explain
from trustspace.core.identifiers.explanation import Explanation, Part
from trustspace.core.identifiers.forms import file_form, from_url_form, url_form
from trustspace.core.identifiers.model import ContractIdentifier, Identifier
from trustspace.core.identifiers.parse import parse, parse_contract
from trustspace.core.identifiers.profile import DEFAULT, DRAFT, SEPARATOR, Profile
from trustspace.core.identifiers.reasons import InvalidIdentifier, Reason
from trustspace.core.identifiers.subjects import (
    ResidentNumber,
    check_credit_code,
    check_organisation_code,
    check_resident_number,
)

__all__ = [
    "ALPHANUMERIC",
    "DEFAULT",
    "DRAFT",
    "SEPARATOR",
    "STAR",
    "Algorithm",
    "ContractIdentifier",
    "Explanation",
    "Identifier",
    "InvalidIdentifier",
    "Kind",
    "Part",
    "Profile",
    "Reason",
    "ResidentNumber",
    "check_character",
    "check_credit_code",
    "check_organisation_code",
    "check_place",
    "check_resident_number",
    "credit_code_check",
    "explain",
    "file_form",
    "from_url_form",
    "make",
    "make_contract",
    "organisation_check",
    "parse",
    "parse_contract",
    "place_name",
    "resident_check",
    "url_form",
]
