"""Telemetry topic to PostgreSQL, and from there to the browsers. `python -m pipeline_workers.collector`.

consuming.py takes the messages in, ends.py asks the brokers how much there is to read, publishing.py tells of what
changed.
"""


def group(telemetry_topic: str) -> str:
    """The consumer group of that topic's collector. Each topic has its own: whoever takes the place of a static member
    gets that one's partitions, of whatever topic they are."""
    return f"penstock-collector.{telemetry_topic}"
