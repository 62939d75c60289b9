"""Says at the end of a session which faults were done to the product, what held, and how long that took.

A test of a fault carries the mark `fault(number, "what is done")`, numbered as in the table of goals, and may carry
several. What held is its name in words, or what it records as the property `held`. Cases of one test are one line.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

HEAD = ("#", "fault", "what held", "seconds", "outcome")


@dataclass
class Line:
    held: str
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def outcome(self) -> str:
        return ", ".join(f"{count} {name}" if count > 1 else name for name, count in self.outcomes.items())


def pytest_itemcollected(item: pytest.Item) -> None:
    """Noted in the report, which is all that the terminal sees of a test."""
    item.user_properties += [("fault", mark.args) for mark in item.iter_markers("fault")]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    lines = _lines([item for reports in terminalreporter.stats.values() for item in reports])
    if not lines:
        return
    told = [
        (str(number), done, line.held, f"{line.seconds:.1f}", line.outcome)
        for (number, done, _), line in sorted(lines.items(), key=lambda item: item[0])
    ]
    widths = [max(len(row[at]) for row in (HEAD, *told)) for at in range(len(HEAD))]
    terminalreporter.section("faults")
    for row in (HEAD, *told):
        terminalreporter.write_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


def _lines(reports: list[Any]) -> dict[tuple[int, str, str], Line]:
    """A line of each fault and test."""
    lines: dict[tuple[int, str, str], Line] = {}
    for report in reports:
        # A set-up or an end that went well says nothing of what held.
        if not isinstance(report, pytest.TestReport) or (report.when != "call" and report.passed):
            continue
        test = report.nodeid.partition("[")[0]
        told = [str(value) for name, value in report.user_properties if name == "held"]
        for number, done in (value for name, value in report.user_properties if name == "fault"):
            line = lines.setdefault((number, done, test), Line(_in_words(test)))
            line.held = told[-1] if told else line.held
            line.seconds += report.duration
            line.outcomes[report.outcome] += 1
    return lines


def _in_words(test: str) -> str:
    return test.rpartition("::")[2].removeprefix("test_").replace("_", " ")
