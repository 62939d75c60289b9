"""Telemetry topic to PostgreSQL, and from there to the browsers. `python -m pipeline_workers.collector`.

consuming.py takes the messages in, ends.py asks the brokers how much there is to read, publishing.py tells of what
changed.
"""
