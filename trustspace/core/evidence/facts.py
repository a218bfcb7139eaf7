"""What a verified pack shows, for people and for machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trustspace.core.canon import Json
from trustspace.core.evidence.layout import FOLDERS, SIDES, About


@dataclass(frozen=True, slots=True)
class PackFacts:
    """What was verified: whose contract, and how many of each. `signers_known`: under roots that were given."""

    about: About
    signers_known: bool
    signatures: int
    leaves: int
    log_size: int
    counts: Mapping[str, int]
    withheld: int
    cosigned: int | None
    peer_size: int | None

    @property
    def signed(self) -> str:
        """`both`, or `unsigned` where one of the signatures is missing."""
        return "both" if self.signatures == len(SIDES) else "unsigned"

    def lines(self) -> list[str]:
        """What was verified, for people."""
        about, counts = self.about, self.counts
        sides = [f"  {side:<9} {about.party(side).did} ({about.party(side).identifier})" for side in SIDES]
        known = "known, under the roots given" if self.signers_known else "UNKNOWN: no roots were given 未核验签名者"
        kept = ", ".join(f"{counts[folder]} {folder}" for folder in FOLDERS if counts[folder])
        lines = [
            f"contract 合约 {about.contract}",
            *sides,
            f"  exported 导出  {about.exported} by the {about.exporter}",
            f"  signers 签名者 {known}",
            f"  contract signatures 合约签名 {self.signatures}"
            + ("" if self.signed == "both" else " (unsigned 未签名)"),
            f"  log 日志 {self.log_size} entries, {self.leaves} of them about this contract, none left out",
            f"  held against the log 与日志一致 {kept}",
        ]
        if self.withheld:
            lines.append(f"  {self.withheld} messages carry access tokens and stand in the log by digest only")
        if self.cosigned is not None:
            lines.append(f"  the counterparty cosigned this log at {self.cosigned} entries 对方联署")
        if self.peer_size is not None:
            lines.append(f"  the counterparty's log was seen at {self.peer_size} entries 对方日志")
        return lines

    def to_json(self) -> dict[str, Json]:
        """The same for machines."""
        about = self.about
        parties = {side: {"did": about.party(side).did, "identifier": about.party(side).identifier} for side in SIDES}
        return {
            "contract": about.contract,
            "cosigned_size": self.cosigned,
            "exported": about.exported,
            "exporter": about.exporter,
            "leaves": self.leaves,
            "log_size": self.log_size,
            "peer_size": self.peer_size,
            "signatures": self.signatures,
            "signed": self.signed,
            "signers_known": self.signers_known,
            "withheld": self.withheld,
            **parties,
            **self.counts,
        }
