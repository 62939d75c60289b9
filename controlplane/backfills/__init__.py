"""Backfills: a range of days done anew, a day a run, at a pace that leaves the stream its room."""
