"""PySpark jobs: they know Kafka and the lake, and nothing of Django."""
