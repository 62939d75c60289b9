"""Quality: suites of expectations and their versions, what evaluations found, and whether days are like those before."""
