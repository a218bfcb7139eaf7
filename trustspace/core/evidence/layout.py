"""What a pack is made of: which members may be there, what names them, and how the whole is sealed.

The container is ASiC-E with CAdES (ETSI EN 319 162-1): a manifest lists every member with its SHA-256, and the
exporter's CMS signs the manifest. The manifest has exactly one form for given members, so a verifier writes it again
and compares; no XML is ever parsed. `META-INF/SHA256SUMS` says the same to `sha256sum -c`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from trustspace.core.canon import JsonObject, canonical, digest, loads_object
from trustspace.core.contract.signing import consumer_list, provider_list
from trustspace.core.errors import InvalidInput
from trustspace.core.evidence.leaves import KINDS, Statement, moment

MIMETYPE: Final = b"application/vnd.etsi.asic-e+zip"
FORMAT: Final = "trustspace-evidence-1"
MANIFEST: Final = "META-INF/ASiCManifest001.xml"
SEAL: Final = "META-INF/signature001.p7s"
SUMS: Final = "META-INF/SHA256SUMS"
SIDES: Final = ("provider", "consumer")

FOLDERS: Final[Mapping[str, str]] = {
    "messages": "json",
    "origins": "jwt",
    "answers": "json",
    "receipts": "txt",
    "uses": "json",
    "denials": "jws",
    "deliveries": "jws",
    "endings": "jws",
}
"""The folders of kept bytes, with the ending of their members, which are numbered as leaves name them."""

REQUIRED: Final = (
    "mimetype",
    "pack.json",
    "offer.json",
    "agreement.json",
    "log/checkpoint",
    "VERIFY.txt",
    SUMS,
    MANIFEST,
    SEAL,
)
_OPTIONAL: Final = (
    *(f"signatures/{side}.{ending}" for side in SIDES for ending in ("sums", "p7s")),
    "log/peer-checkpoint",
    "log/cosigned",
    "log/growth.json",
)
_NUMBERED: Final = "|".join(
    [r"certificates/[0-9a-f]{64}\.pem", r"log/(?:leaves|proofs)/[0-9]{4}\.json"]
    + [rf"{folder}/[0-9]{{4}}\.{ending}" for folder, ending in FOLDERS.items()]
)
_ALLOWED: Final = re.compile("|".join([_NUMBERED, *map(re.escape, (*REQUIRED, *_OPTIONAL))]))
_MEDIA: Final = {"json": "application/json", "p7s": "application/pkcs7-signature", "pem": "application/x-pem-file"}
_HEAD: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<asic:ASiCManifest xmlns:asic="http://uri.etsi.org/02918/v1.2.1#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#">\n'
    f'<asic:SigReference URI="{SEAL}" MimeType="application/pkcs7-signature"/>\n'
)
_TAIL: Final = "</asic:ASiCManifest>\n"
_LISTED: Final = re.compile(r'<asic:DataObjectReference URI="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Party:
    """A side of the contract: its participant id, and the identifier (标识码) that its certificate names, if any."""

    did: str
    identifier: str


@dataclass(frozen=True, slots=True)
class About:
    """What `pack.json` says: which contract, who is who, whose log this is, and how long the two chains are.

    `negotiation` is the exporter's process id; chains are counted up to and including the leaf of this export.
    `exported` is text as `leaves.instant` writes it.
    """

    contract: str
    negotiation: str
    provider: Party
    consumer: Party
    exporter: str
    exported: str
    negotiation_leaves: int
    agreement_leaves: int

    def party(self, side: str) -> Party:
        """The party on that side, `provider` or `consumer`."""
        return self.provider if side == "provider" else self.consumer

    @property
    def peer(self) -> str:
        """The other side than the exporter's."""
        return "consumer" if self.exporter == "provider" else "provider"

    @property
    def chains(self) -> dict[str, int]:
        """How many leaves each chain has."""
        return {self.negotiation: self.negotiation_leaves, self.contract: self.agreement_leaves}

    def to_bytes(self) -> bytes:
        """The bytes of `pack.json`."""
        return canonical(
            {
                "agreement_leaves": self.agreement_leaves,
                "contract": self.contract,
                "exported": self.exported,
                "exporter": self.exporter,
                "format": FORMAT,
                "negotiation": self.negotiation,
                "negotiation_leaves": self.negotiation_leaves,
                **{side: _party(self.party(side)) for side in SIDES},
            }
        )

    @classmethod
    def read(cls, data: bytes) -> About:
        """What the bytes of a `pack.json` say; `InvalidInput` for any that `to_bytes` would not write."""
        try:
            value = loads_object(data, where="pack.json")
            kind = value.pop("format")
            about = cls(**(value | {side: Party(**value[side]) for side in SIDES}))
            moment(about.exported, where="pack.json")
            exact = about._typed() and about.to_bytes() == data and kind == FORMAT
        except (KeyError, TypeError) as error:
            raise InvalidInput("this does not describe a pack", where="pack.json") from error
        if not exact:
            raise InvalidInput("this does not describe a pack of this format", where="pack.json")
        return about

    def _typed(self) -> bool:
        texts = (self.contract, self.negotiation, self.provider.did, self.consumer.did)
        identifiers = (self.provider.identifier, self.consumer.identifier)  # a peer of another make has none
        numbers = (self.negotiation_leaves, self.agreement_leaves)
        good = all(type(text) is str and text for text in texts) and all(type(text) is str for text in identifiers)
        counted = all(type(number) is int for number in numbers)
        return good and counted and self.exporter in SIDES and self.contract != self.negotiation


def check_names(members: Mapping[str, bytes]) -> None:
    """Refuse a member that a pack does not have, and a pack without one that it must have."""
    for name in members:
        if not _ALLOWED.fullmatch(name):
            raise InvalidInput("a pack has no such member", where=name)
    for name in REQUIRED:
        if name not in members:
            raise InvalidInput("the member is missing", where=name)
    if next(iter(members)) != "mimetype" or members["mimetype"] != MIMETYPE:
        raise InvalidInput(f"the first member says {MIMETYPE.decode()}", where="mimetype")


def named_by(statement: Statement) -> list[tuple[str, str]]:
    """Which kept bytes a leaf names: (folder, SHA-256). A message with `withheld` (it carries a token) was not kept."""
    data, keeps = statement.data, KINDS[statement.kind].keeps
    found = [(folder, data[member]) for member, folder in keeps.items() if data.get(member)]
    return [(folder, name) for folder, name in found if folder != "messages" or data.get("withheld") is not True]


def sums(members: Mapping[str, bytes]) -> bytes:
    """The bytes of `META-INF/SHA256SUMS`: all members but itself, the manifest and the seal."""
    left = sorted(members.keys() - {SUMS, MANIFEST, SEAL})
    return "".join(f"{digest(members[name])}  {name}\n" for name in left).encode()


def manifest(members: Mapping[str, bytes]) -> bytes:
    """The bytes of the manifest: all members but `mimetype`, itself and the seal, by name."""
    listed = sorted(members.keys() - {"mimetype", MANIFEST, SEAL})
    return (_HEAD + "".join(reference(name, members[name]) for name in listed) + _TAIL).encode()


def reference(name: str, data: bytes) -> str:
    """The manifest's line for a member."""
    media = _MEDIA.get(name.rpartition(".")[2], "application/octet-stream")
    value = base64.b64encode(hashlib.sha256(data).digest()).decode()
    return (
        f'<asic:DataObjectReference URI="{name}" MimeType="{media}">'
        '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
        f"<ds:DigestValue>{value}</ds:DigestValue></asic:DataObjectReference>\n"
    )


def listed(manifest_bytes: bytes) -> list[str]:
    """The members that a manifest names; meant for saying which one is missing, after its signature was checked."""
    return _LISTED.findall(manifest_bytes.decode("utf-8", "replace"))


def to_pem(certificate_der: bytes) -> bytes:
    """A certificate as `openssl x509` writes it."""
    text = base64.encodebytes(certificate_der).decode().replace("\n", "")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""]).encode()


def signed_list(side: str, agreement: bytes, provider_signature: bytes) -> bytes:
    """The list, in `sha256sum` format, that a side's contract signature is over."""
    return provider_list(agreement) if side == "provider" else consumer_list(agreement, provider_signature)


def instructions(about: About, signed: datetime | None) -> bytes:
    """The bytes of `VERIFY.txt`, for people without our software; `signed` is when the contract was, None if never."""
    contract = _UNSIGNED if signed is None else _CONTRACT.replace("@AT", _seconds(signed))
    text = _TEXT.replace("@AT", _seconds(moment(about.exported))).replace("@CONTRACT", contract)
    return text.replace("@HEAD", f"{about.contract}, exported by the {about.exporter} at {about.exported}").encode()


def _seconds(time: datetime) -> str:
    return str(int(time.timestamp()))


def _party(party: Party) -> JsonObject:
    return {"did": party.did, "identifier": party.identifier}


_TEXT: Final = """\
# Evidence of contract @HEAD.
# 合约存证包，可用 unzip、sha256sum、openssl 独立验证。
#
# Needed beside this pack: the root certificate(s) of the data space in a file, from a source that you trust.
# Unpack the pack into an empty folder, go there, and run these lines with TRUST set to that file. Each must succeed.

: "${TRUST:?set TRUST to the file with the root certificates}"

# 1. Nothing was altered since the export: every file has the digest listed, and the exporter signed the list.
sha256sum -c --quiet META-INF/SHA256SUMS
openssl cms -verify -binary -inform DER -content META-INF/ASiCManifest001.xml -in META-INF/signature001.p7s \
-CAfile "$TRUST" -purpose any -attime @AT -out /dev/null
grep -qF "$(openssl dgst -sha256 -binary META-INF/SHA256SUMS | openssl base64)" META-INF/ASiCManifest001.xml

# 2. Both parties signed the agreement, the consumer after the provider.
@CONTRACT
# 3. Who signed (the OU is the identifier):
openssl cms -cmsout -print -inform DER -in META-INF/signature001.p7s | grep "subject:"

# The log (inclusion proofs, completeness, receipts) is checked by: trustspace evidence verify FILE --trust "$TRUST"
"""
_CONTRACT: Final = """\
cp agreement.json signatures/
(cd signatures && sha256sum -c --quiet provider.sums consumer.sums)
for side in provider consumer; do
openssl cms -verify -binary -inform DER -content signatures/$side.sums -in signatures/$side.p7s \
-CAfile "$TRUST" -purpose any -attime @AT -out /dev/null
done
"""
_UNSIGNED: Final = "# The contract bears no signatures: the peer's connector makes none. 合约未签名。\n"
