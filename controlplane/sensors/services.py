"""Changes of the registry."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from django.utils import timezone

from controlplane.sensors.models import Sensor, SensorType

LONGEST = 255


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
