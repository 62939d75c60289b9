"""The sensor fleet: makes readings, or replays recorded ones, and says exactly what it sent.

profiles.py is what sensors are like, fleet.py makes their readings, malformed.py spoils some, replay.py reads recorded
ones, source.py gives each its due time, delivery.py brings them to Kafka, control.py says when to pause, report.py
tells the counts.
"""
