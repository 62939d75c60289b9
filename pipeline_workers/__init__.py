"""What makes things happen: Celery tasks and long-running processes.

Knows the services and selectors of the control plane, and of Spark only the contract.
"""
