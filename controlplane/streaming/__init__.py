"""Streaming jobs: what is wanted of them, what is known of them, how far they are."""
