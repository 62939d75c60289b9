"""Questions that people have, answered from Kafka, lake and warehouse."""
