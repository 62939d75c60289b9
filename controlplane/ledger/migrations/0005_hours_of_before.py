from django.db import migrations
from django.db.models import Sum


def sum_up(apps, schema_editor):
    """The hours of entries that were there before."""
    sums = apps.get_model("ledger", "LedgerEntry").objects.values("pipeline_id", "hour", "measure").order_by()
    hours = apps.get_model("ledger", "LedgerHour")
    rows = (hours(**row) for row in sums.annotate(count=Sum("count")).iterator(chunk_size=2000))
    hours.objects.bulk_create(rows, batch_size=2000)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0004_hours")]

    operations = [migrations.RunPython(sum_up, migrations.RunPython.noop, elidable=True)]
