"""Dead letters in the workers: indexed from Bronze, sent back through Kafka, and followed to what became of them."""
