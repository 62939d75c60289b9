"""The accounts of a pipeline, recomputed from Kafka, the lake and the warehouse. Nothing that was reported is believed.

kafka.py reads the topic again, lake.py pins and queries the Delta tables, warehouse.py reads facts and load ledger,
positions.py follows each record by its place, accounts.py puts the equations together.
"""

from pipeline_workers.verification.accounts import verify
from pipeline_workers.verification.errors import Unreadable

__all__ = ["Unreadable", "verify"]
