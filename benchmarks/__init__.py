"""Figures, each a ratio against a reference of the same run where it decides something."""
