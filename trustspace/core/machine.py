"""State machines as tables: one row a move; the diagrams are drawn from the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from trustspace.core.errors import IllegalTransition

State = TypeVar("State", bound=StrEnum)
Actor = TypeVar("Actor", bound=StrEnum)
Verb = TypeVar("Verb", bound=StrEnum)


@dataclass(frozen=True)  # no slots: a generic one cannot be called with its types then (Python 3.11)
class Machine(Generic[State, Actor, Verb]):
    """A named table of moves, `(state or None, who acts, what) -> next state`; a state that no row leaves is final."""

    name: str
    moves: Mapping[tuple[State | None, Actor, Verb], State]

    def after(self, state: State | None, actor: Actor, verb: Verb) -> State:
        """The state that the move leads to; `IllegalTransition` names the state and what would have been allowed."""
        try:
            return self.moves[state, actor, verb]
        except KeyError:
            allowed = ", ".join(f"{who} {what}" for was, who, what in self.moves if was == state) or "nothing, it ended"
            raise IllegalTransition(
                f"{actor} may not {verb} in state {state or 'START'}", where=self.name, hint=f"allowed: {allowed}"
            ) from None

    def final(self, state: State) -> bool:
        """Whether no move leads out of the state."""
        return all(was != state for was, _, _ in self.moves)

    def mermaid(self) -> str:
        """The table as a Mermaid state diagram, one line a move."""
        lines = ["stateDiagram-v2"]
        for (was, who, what), then in self.moves.items():
            lines.append(f"    {was or '[*]'} --> {then}: {who} {what}")
        ends = [f"    {state} --> [*]" for state in dict.fromkeys(self.moves.values()) if self.final(state)]
        return "\n".join(lines + ends) + "\n"
