"""The four types that a fresh installation knows. Others are added as data."""

from django.db import migrations

# name, unit, normal low and high, physical low and high, seconds between two readings
TYPES = [
    ("temperature", "celsius", -20, 60, -40, 85, 10),
    ("humidity", "percent", 5, 95, 0, 100, 10),
    ("pressure", "hPa", 950, 1070, 300, 1100, 10),
    ("vibration", "g", 0, 2, 0, 10, 10),
]


def add(apps, schema_editor):
    model = apps.get_model("sensors", "SensorType")
    for name, unit, low, high, physical_low, physical_high, interval in TYPES:
        model.objects.get_or_create(
            name=name,
            defaults={
                "unit": unit,
                "normal_low": low,
                "normal_high": high,
                "physical_low": physical_low,
                "physical_high": physical_high,
                "expected_interval_seconds": interval,
            },
        )


class Migration(migrations.Migration):
    dependencies = [("sensors", "0001_initial")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
