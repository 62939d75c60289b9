"""Quality: suites of expectations and their versions, what evaluations found, and whether a day is like others."""
