import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0005_hours_of_before")]

    operations = [
        migrations.RemoveConstraint(model_name="ledgerverification", name="verification_requested_once"),
        migrations.RenameModel(old_name="LedgerVerification", new_name="Inquiry"),
        migrations.AlterModelOptions(name="inquiry", options={"verbose_name_plural": "inquiries"}),
        migrations.AddField(
            model_name="inquiry",
            name="kind",
            field=models.CharField(
                choices=[("recount", "Recount"), ("trace", "Trace"), ("delays", "Delays")],
                default="recount",
                max_length=20,
            ),
        ),
        migrations.AddField(model_name="inquiry", name="question", field=models.JSONField(default=dict)),
        migrations.AlterField(
            model_name="inquiry",
            name="pipeline",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="inquiries", to="pipelines.pipeline"
            ),
        ),
        migrations.AddIndex(
            model_name="inquiry",
            index=models.Index(
                condition=models.Q(("status__in", ["failed", "succeeded"]), _negated=True),
                fields=["status"],
                name="inquiry_active",
            ),
        ),
        migrations.AddConstraint(
            model_name="inquiry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "recount"), ("status", "requested")),
                fields=("pipeline",),
                name="recount_requested_once",
            ),
        ),
    ]
