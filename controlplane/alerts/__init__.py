"""Incidents: what is wrong for as long as it is, opened and cleared by evidence. Imports no other app than the core."""
