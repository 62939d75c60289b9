"""Changes of the registry."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.forms.models import model_to_dict
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.services import audit_record
from controlplane.core.errors import Invalid
from controlplane.core.text import COMPLAINT, is_line
from controlplane.sensors.models import Sensor, SensorType

LONGEST = 255
NAME = re.compile(r"[-a-zA-Z0-9_]{1,100}")  # what has a place in an address


def sensors_see(*, sensors: Iterable[tuple[str, str, str, str, float]]) -> None:
    """Know the sensors of a SensorSeen message: id, type, location, unit, first seen (epoch seconds).

    A new one gets its type's expected interval; a known one keeps its own and the earlier first sight.
    """
    types = {item.name: item for item in SensorType.objects.all()}
    now = timezone.now()
    rows = {}
    for sensor_id, type_name, location, unit, seen in sensors:
        known = types.get(type_name)
        rows[sensor_id[:LONGEST]] = Sensor(
            sensor_id=sensor_id[:LONGEST],
            type_name=type_name[:LONGEST],
            sensor_type=known,
            unit=unit[:LONGEST],
            location=location[:LONGEST],
            expected_interval_seconds=known.expected_interval_seconds if known else None,
            first_seen_at=datetime.fromtimestamp(seen, UTC),
            updated_at=now,
        )
    Sensor.objects.bulk_create(
        [rows[key] for key in sorted(rows)],
        update_conflicts=True,
        unique_fields=["sensor_id"],
        update_fields=["type_name", "sensor_type", "unit", "location", "updated_at"],
    )


@transaction.atomic
def sensor_type_set(*, name: str, values: dict[str, Any], actor: User | None, reason: str) -> tuple[SensorType, bool]:
    """Make or change a type, and know the sensors that named it before it was known. Raises Invalid.

    Pipelines hear of it by `controlplane.pipelines.services.registry_change`, which calls this.
    """
    known = SensorType.objects.select_for_update().filter(name=name).first()
    before = model_to_dict(known, exclude=["id"]) if known else None
    if known is None and not NAME.fullmatch(name):
        told = "a type's name has 1 to 100 letters, digits, hyphens and underscores"
        raise Invalid(told, {"name": [told]})
    kind = known or SensorType(name=name)
    for field, value in values.items():
        setattr(kind, field, value)
    if not kind.physical_low <= kind.normal_low < kind.normal_high <= kind.physical_high:
        told = "the normal range has to lie within the physical one, and to have a width"
        raise Invalid(told, {"normal_low": [told]})
    if not is_line(kind.unit):
        raise Invalid("the type is not right", {"unit": [COMPLAINT]})
    after = model_to_dict(kind, exclude=["id"])
    if before == after:
        return kind, False
    kind.save()
    Sensor.objects.filter(type_name=name, sensor_type=None).update(
        sensor_type=kind, expected_interval_seconds=kind.expected_interval_seconds
    )
    audit_record(
        actor=actor,
        action="sensor_type.changed" if known else "sensor_type.made",
        object=f"sensor-type/{name}",
        before=before,
        after=after,
        reason=reason,
    )
    return kind, known is None
