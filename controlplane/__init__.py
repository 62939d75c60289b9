"""Django: what Penstock knows, and what people may do. Starts no process, runs no Spark."""
