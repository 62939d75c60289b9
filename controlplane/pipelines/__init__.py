"""Pipelines and their immutable versions."""
