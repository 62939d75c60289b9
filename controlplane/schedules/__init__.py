"""Schedules: which runs are due when, what became of each due time, and by when runs and tables have to be there."""
