"""Sensor types and sensors."""

from django.db import models
from django.db.models.functions import Concat, Lower


class SensorType(models.Model):
    """Ranges are in the type's unit, both ends included. Outside normal is an anomaly."""

    name = models.CharField(max_length=100, unique=True)
    unit = models.CharField(max_length=50)
    normal_low = models.FloatField()
    normal_high = models.FloatField()
    physical_low = models.FloatField()
    physical_high = models.FloatField()
    expected_interval_seconds = models.FloatField()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                name="sensor_type_ranges",
                condition=models.Q(
                    physical_low__lte=models.F("normal_low"),
                    normal_low__lt=models.F("normal_high"),
                    normal_high__lte=models.F("physical_high"),
                    expected_interval_seconds__gt=0,
                ),
            )
        ]

    def __str__(self) -> str:
        return self.name


class Sensor(models.Model):
    """A sensor as it was last seen. `sensor_type` is null while the registry does not know the type that it names."""

    sensor_id = models.CharField(max_length=255, unique=True)
    type_name = models.CharField(max_length=255)
    sensor_type = models.ForeignKey(SensorType, null=True, on_delete=models.PROTECT, related_name="sensors")
    unit = models.CharField(max_length=255)
    location = models.CharField(max_length=255)
    expected_interval_seconds = models.FloatField(null=True)
    first_seen_at = models.DateTimeField()
    updated_at = models.DateTimeField(auto_now=True)
    # In lower case once, and not each row at each search.
    search = models.GeneratedField(
        expression=Lower(Concat("sensor_id", models.Value(" "), "location")),
        output_field=models.TextField(),
        db_persist=True,
    )

    class Meta:
        ordering = ["sensor_id"]
        indexes = [
            models.Index(fields=["type_name", "sensor_id"], name="sensor_of_type"),
            models.Index(fields=["location", "sensor_id"], name="sensor_at_location"),
        ]

    def __str__(self) -> str:
        return self.sensor_id
