"""What suites are about, how grave a failure is, and what an evaluation may come to: the words of spark_jobs.suites."""

from spark_jobs.suites import Layer, Severity, Verdict

LAYERS = [(str(item), str(item)) for item in Layer]
SEVERITIES = [(str(item), str(item)) for item in Severity]
VERDICTS = [(str(item), str(item)) for item in Verdict]
# An error says nothing of the rows, so it is no pass: what must hold has not been seen to hold.
BROKEN = frozenset({str(Verdict.FAILED), str(Verdict.ERROR)})
