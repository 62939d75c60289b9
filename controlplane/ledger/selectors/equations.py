"""The five equations, over whatever sums of measures they are asked of: all there is, or one hour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from controlplane.ledger.selectors.letters import Letters


class Name(StrEnum):
    """As people read them, and as the recount names them. The hours of the first two and the last are of ingest."""

    DELIVERED = "Kafka = Bronze"
    REFINED = "Bronze = Silver + set aside"
    AGGREGATED = "Silver = Gold"
    LOADED = "Gold = warehouse"
    LETTERS = "Dead letters accounted"


SIDES = {
    Name.DELIVERED: ("Kafka", "Bronze"),
    Name.REFINED: ("Bronze", "Silver and what is set aside"),
    Name.AGGREGATED: ("Silver", "Gold"),
    Name.LOADED: ("Gold", "the warehouse"),
    Name.LETTERS: ("Bronze's dead letters", "their index and fates"),
}


@dataclass(frozen=True)
class Equation:
    """left = right + pending."""

    name: Name
    left: int
    right: int
    pending: int

    @property
    def difference(self) -> int:
        """What the right side has too many of, or too few where it is below 0. What nobody delivered is too many."""
        if self.pending < 0 and self.left == self.right + self.pending:
            return -self.pending
        return self.right + self.pending - self.left

    @property
    def holds(self) -> bool:
        return self.difference == 0

    def sentence(self) -> str:
        """What is wrong with it."""
        left, right = SIDES[self.name]
        many = "too many" if self.difference > 0 else "too few"
        waiting = f" and {self.pending:,} pending" if self.pending else ""
        return f"{left} has {self.left:,}, {right} {self.right:,}{waiting}: {abs(self.difference):,} {many} in {right}"


def equations(sums: Mapping[str, int], unloaded: int, letters: Letters) -> list[Equation]:
    """Of sums by measure, readings of Gold that no load has reached, and dead letters.

    What a layer has taken in is counted apart from what it put out: pending is what the layer before has beyond that,
    so that an equation can fail, and not only wait.
    """
    judged = sums["kept"] + sums["duplicate"] + sums["deferred"]
    return [
        Equation(Name.DELIVERED, sums["kafka"], sums["accepted"] + sums["dead_letter"], 0),
        Equation(Name.REFINED, sums["accepted"], judged, sums["accepted"] - sums["refined"]),
        Equation(Name.AGGREGATED, sums["silver"], sums["gold"], sums["silver"] - sums["aggregated"]),
        Equation(Name.LOADED, sums["gold"], sums["warehouse"], unloaded),
        Equation(Name.LETTERS, letters.told, letters.known, letters.pending),
    ]
