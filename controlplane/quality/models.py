"""Suites, their versions, what evaluations of them found, and what each day of each sensor type looked like."""

from datetime import UTC, datetime, time, timedelta

from django.db import models

from controlplane.accounts.models import User
from controlplane.pipelines.models import Pipeline
from controlplane.quality.states import LAYERS, SEVERITIES, VERDICTS


class Suite(models.Model):
    """What is expected of a layer of a pipeline, under a name; what that is, its newest version says."""

    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="suites")
    name = models.SlugField(max_length=50)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pipeline", "name"], name="suite_name_once")]

    @property
    def path(self) -> str:
        """What the audit log and incidents call it."""
        return f"pipeline/{self.pipeline.name}/suite/{self.name}"

    def __str__(self) -> str:
        return f"suite {self.name}"


class SuiteVersion(models.Model):
    """What a suite says; never changed, a change makes the next number. `expectations` is [{type, arguments}]."""

    suite = models.ForeignKey(Suite, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    layer = models.CharField(max_length=10, choices=LAYERS)
    severity = models.CharField(max_length=10, choices=SEVERITIES)
    expectations = models.JSONField(default=list)
    made_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["suite", "-number"]
        constraints = [models.UniqueConstraint(fields=["suite", "number"], name="suite_version_number")]

    def __str__(self) -> str:
        return f"{self.suite} v{self.number}"


class SuiteEvaluation(models.Model):
    """What a version of a suite came to over the rows from `start` to before `end`.

    `run` is the number of the run that evaluated it, which may do so again: told again, it is replaced.
    """

    suite = models.ForeignKey(Suite, on_delete=models.CASCADE, related_name="evaluations")
    version = models.ForeignKey(SuiteVersion, on_delete=models.CASCADE, related_name="evaluations")
    run = models.PositiveBigIntegerField()
    start = models.DateTimeField()
    end = models.DateTimeField()
    verdict = models.CharField(max_length=10, choices=VERDICTS)
    rows = models.PositiveBigIntegerField()
    seconds = models.FloatField()
    evaluated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "version"], name="suite_evaluation_once")]
        indexes = [
            models.Index(fields=["suite", "-id"], name="suite_evaluation_newest"),
            models.Index(fields=["suite", "-evaluated_at"], name="suite_evaluation_recent"),
            models.Index(fields=["evaluated_at"], name="suite_evaluation_old"),
        ]

    def __str__(self) -> str:
        return f"evaluation {self.pk} of {self.suite}"


class ExpectationResult(models.Model):
    """What became of one expectation: `observed` is a number or text, `unexpected` counts the rows that break it (null
    where rows are not what it looks at), `samples` shows the first few, `message` says what went wrong.
    """

    evaluation = models.ForeignKey(SuiteEvaluation, on_delete=models.CASCADE, related_name="results")
    position = models.PositiveSmallIntegerField()
    type = models.CharField(max_length=200)
    arguments = models.JSONField(default=dict)
    verdict = models.CharField(max_length=10, choices=VERDICTS)
    observed = models.JSONField(null=True)
    unexpected = models.PositiveBigIntegerField(null=True)
    samples = models.JSONField(default=list)
    message = models.TextField(blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["evaluation", "position"], name="expectation_result_once")]

    def __str__(self) -> str:
        return f"{self.type}: {self.verdict}"


class DayProfile(models.Model):
    """What a day of a sensor type looked like in Silver. `null_share` (0 to 1) is of readings without a z-score, `mean`
    and `spread` (standard deviation) are in the type's unit. Told again, it is replaced.

    A type that had readings in the days before and has none has a profile of 0 of them.
    """

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="day_profiles")
    day = models.DateField()
    sensor_type = models.CharField(max_length=100)
    readings = models.PositiveBigIntegerField()
    null_share = models.FloatField()
    mean = models.FloatField()
    spread = models.FloatField()
    told_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pipeline", "day", "sensor_type"], name="day_profile_once")]

    @property
    def complete(self) -> bool:
        """Whether the day was over when it was looked at."""
        return bool(self.told_at >= datetime.combine(self.day, time(), UTC) + timedelta(days=1))

    def __str__(self) -> str:
        return f"{self.sensor_type} on {self.day}"
