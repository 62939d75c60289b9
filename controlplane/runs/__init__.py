"""Runs: work that begins and ends, stage by stage, with its attempts, its applications and their logs."""
