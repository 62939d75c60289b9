"""What a pipeline's version may set: the driver's tuning, within bounds. Where things are, and Spark's own options, are
the installation's: nobody who may configure a pipeline gets to put them into a launch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.core.errors import Invalid
from spark_jobs.contracts import ContinuousArguments

LONGEST_NAME = 100


@dataclass(frozen=True)
class Setting:
    """A number between two bounds, both included; its default is the job's own."""

    name: str
    least: float
    greatest: float
    description: str

    @property
    def default(self) -> int | float:
        return ContinuousArguments.__dataclass_fields__[self.name].default  # type: ignore[return-value]

    @property
    def whole(self) -> bool:
        return isinstance(self.default, int)

    def complaint(self, value: Any) -> str | None:
        """What is wrong with a value."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return f"a {'whole ' if self.whole else ''}number is needed"
        if not self.least <= value <= self.greatest:  # which no NaN and no infinity is
            return f"between {self.least:g} and {self.greatest:g}"
        return None


SETTINGS = {
    item.name: item
    for item in (
        Setting("trigger_seconds", 0.5, 300, "Time between two batches of ingest, which the other queries follow."),
        Setting("watermark_minutes", 0, 1440, "How late a reading may be behind its sensor's newest."),
        Setting("zscore_window", 2, 1000, "Readings before a reading that its z-score is taken against."),
        Setting("zscore_minimum", 2, 1000, "Readings without which there is no z-score."),
        Setting("zscore_threshold", 0.5, 100, "Deviations beyond which a reading is an anomaly."),
        Setting("zscore_max_age_days", 0.01, 365, "How old a reading in that window may be."),
        Setting("max_offsets_per_trigger", 100, 10_000_000, "Records that a batch of ingest reads at most."),
    )
}


def configuration_check(configuration: Mapping[str, Any]) -> None:
    """Raises Invalid with a sentence for each setting that is unknown or out of bounds."""
    errors: dict[str, list[str]] = {}
    for name, value in configuration.items():
        setting = SETTINGS.get(name)
        complaint = setting.complaint(value) if setting else "unknown setting"
        if complaint:
            errors[f"configuration.{name[:LONGEST_NAME]}"] = [complaint]
    if not errors:
        minimum, window = (
            configuration.get(name, SETTINGS[name].default) for name in ("zscore_minimum", "zscore_window")
        )
        if minimum > window:
            errors["configuration.zscore_minimum"] = [f"more than the window holds, which is {window}"]
    if errors:
        raise Invalid("some settings are not right", errors)
