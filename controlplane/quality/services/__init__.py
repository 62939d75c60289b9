"""Writing quality: what people say of suites, and what evaluations of them found."""

from controlplane.quality.services.commands import (
    Taken,
    suite_create,
    suite_plan,
    suite_save,
    suite_switch,
    suites_ensure,
)
from controlplane.quality.services.findings import drift_record, evaluations_prune, evaluations_record, profiles_record

__all__ = [
    "Taken",
    "drift_record",
    "evaluations_prune",
    "evaluations_record",
    "profiles_record",
    "suite_create",
    "suite_plan",
    "suite_save",
    "suite_switch",
    "suites_ensure",
]
