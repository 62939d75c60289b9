"""The accounts, and questions about them that a worker answers."""
