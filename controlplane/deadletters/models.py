"""Dead letters as they are indexed, their groups, and what was made of them. Bronze stays the truth of their bytes."""

from django.db import models
from django.db.models import Q

from controlplane.accounts.models import User
from controlplane.deadletters.states import REDRIVE_ENDED, LetterStatus, RedriveState
from controlplane.pipelines.models import Pipeline
from spark_jobs.contracts import DeadLetterReason

REASONS = [(str(reason), str(reason)) for reason in DeadLetterReason]
UNSETTLED = ["open", "redriving", "expired"]
KEPT_BYTES = 64 * 1024  # of a payload


class IndexMark(models.Model):
    """How far the index has come: Bronze's `ingest_seq`, and the number of the expiry, that it has taken over."""

    pipeline = models.OneToOneField(Pipeline, on_delete=models.CASCADE, related_name="dead_letter_mark")
    ingest_seq = models.BigIntegerField(default=-1)
    expiry = models.BigIntegerField(default=0)
    moved_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"index of {self.pipeline} up to {self.ingest_seq}"


class DeadLetterGroup(models.Model):
    """Letters of one reason and one shape of payload. `fingerprint` is a digest of both."""

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="dead_letter_groups")
    reason = models.CharField(max_length=30, choices=REASONS)
    shape = models.CharField(max_length=320)
    fingerprint = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pipeline", "fingerprint"], name="dead_letter_group_once")]

    def __str__(self) -> str:
        return f"{self.reason}: {self.shape}"


class Redrive(models.Model):
    """Letters on their way back through Kafka, mended by `mapping`, `rate` a second at most (0: as fast as it goes).

    `marks` has, by partition, where the topic ended before the chunk that may be under way; None where none is.
    `left` counts those that were not sent because the contract would have refused them again.
    """

    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="redrives")
    state = models.CharField(max_length=20, choices=RedriveState, default=RedriveState.REQUESTED)
    mapping = models.JSONField(default=list)
    rate = models.PositiveIntegerField(default=0)
    unchecked = models.BooleanField(default=False)
    reason = models.CharField(max_length=500)
    requested_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    cause = models.TextField(blank=True)
    claimed = models.PositiveIntegerField(default=0)
    sent = models.PositiveIntegerField(default=0)
    left = models.PositiveIntegerField(default=0)
    marks = models.JSONField(null=True)
    outcome = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["pipeline", "-id"], name="redrive_newest"),
            models.Index(fields=["state"], name="redrive_active", condition=~Q(state__in=sorted(REDRIVE_ENDED))),
        ]

    @property
    def path(self) -> str:
        """What the audit log calls it."""
        return f"pipeline/{self.pipeline.name}/redrive/{self.pk}"

    def __str__(self) -> str:
        return f"redrive {self.pk}"


class Discard(models.Model):
    """Letters that somebody has given up, and why."""

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="discards")
    reason = models.CharField(max_length=500)
    requested_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"discard {self.pk}"


class DeadLetter(models.Model):
    """A record that ingest refused, by its place in Kafka.

    `payload` has its first 64 KiB, `text` what of it can be searched. `gone` says that retention took it from Bronze.
    `again` says that it was redriven before: `origin` is the place it had then. `sent_partition` and `sent_offset` say
    where its redrive put it.
    """

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="dead_letters")
    group = models.ForeignKey(DeadLetterGroup, on_delete=models.CASCADE, related_name="letters")
    topic = models.CharField(max_length=249)
    partition = models.IntegerField()
    offset = models.BigIntegerField()
    ingest_seq = models.BigIntegerField()
    kafka_timestamp = models.DateTimeField()
    reason = models.CharField(max_length=30, choices=REASONS)
    key = models.BinaryField(null=True)
    payload = models.BinaryField(null=True)
    size = models.PositiveIntegerField()
    text = models.TextField(blank=True)
    headers = models.JSONField(default=list)
    status = models.CharField(max_length=20, choices=LetterStatus, default=LetterStatus.OPEN)
    gone = models.BooleanField(default=False)
    again = models.BooleanField(default=False)
    origin = models.CharField(max_length=300, blank=True)
    redrive = models.ForeignKey(Redrive, null=True, on_delete=models.PROTECT, related_name="letters")
    discard = models.ForeignKey(Discard, null=True, on_delete=models.PROTECT, related_name="letters")
    sent_partition = models.IntegerField(null=True)
    sent_offset = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pipeline", "topic", "partition", "offset"], name="dead_letter_once"),
            models.CheckConstraint(
                condition=~Q(status__in=["redriving", "redriven"]) | Q(redrive__isnull=False),
                name="dead_letter_redriven_by_a_redrive",
            ),
            models.CheckConstraint(
                condition=~Q(status="discarded") | Q(discard__isnull=False), name="dead_letter_discarded_by_a_discard"
            ),
        ]
        indexes = [
            models.Index(fields=["pipeline", "status", "-id"], name="dead_letter_by_status"),
            models.Index(fields=["group", "status", "-id"], name="dead_letter_by_group"),
            models.Index(fields=["pipeline", "-id"], name="dead_letter_newest"),
            models.Index(fields=["redrive", "status", "id"], name="dead_letter_by_redrive"),
            # What the accounts count whenever they are asked.
            models.Index(fields=["pipeline"], name="dead_letter_unsettled", condition=Q(status__in=UNSETTLED)),
            models.Index(fields=["pipeline"], name="dead_letter_gone", condition=Q(gone=True)),
        ]

    @property
    def place(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def whole(self) -> bool:
        """Whether the index holds all its bytes."""
        return self.size <= KEPT_BYTES

    def __str__(self) -> str:
        return f"dead letter {self.place}"


class ExpiryWarning(models.Model):
    """People were told that open letters of a day are about to be let go of."""

    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    warned_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pipeline", "day"], name="expiry_warning_once")]

    @property
    def path(self) -> str:
        """What its incident calls it."""
        return f"pipeline/{self.pipeline.name}/dead-letters/{self.day}"

    def __str__(self) -> str:
        return f"warning of {self.day} of {self.pipeline}"
