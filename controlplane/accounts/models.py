"""People, tokens, the audit log, and logins that failed."""

from django.contrib.auth.models import AbstractUser, UserManager
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from controlplane.core.roles import Role, Scope


class Users(UserManager):
    """Django's manager writes the two flags, which here are no columns."""

    use_in_migrations = False

    def create_superuser(self, username, email=None, password=None, **fields):
        return self.create_user(username, email, password, role=Role.ADMINISTRATOR, **fields)

    def create_user(self, username, email=None, password=None, **fields):
        user = self.model(username=self.model.normalize_username(username), email=email or "", **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractUser):
    """The role is all that says what somebody may do; Django's two flags follow from it."""

    role = models.CharField(max_length=20, choices=Role, default=Role.VIEWER)

    objects = Users()

    @property
    def is_staff(self) -> bool:
        return self.role == Role.ADMINISTRATOR

    @property
    def is_superuser(self) -> bool:
        return self.role == Role.ADMINISTRATOR


class ApiToken(models.Model):
    """A bearer token. What is kept is its SHA-256, of which nobody gets back 32 random bytes."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    scope = models.CharField(max_length=10, choices=Scope, default=Scope.READ)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"


class AuditEntry(models.Model):
    """A change, written in its transaction. No actor is Penstock itself."""

    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=100)
    object = models.CharField(max_length=300)
    before = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    after = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    reason = models.CharField(max_length=500, blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["object", "-id"], name="audit_of_object")]

    def __str__(self) -> str:
        return f"{self.action} {self.object}"


class LoginAttempt(models.Model):
    """A login that did not succeed, or has not yet. `subject` is a keyed digest of a name or an address.

    In PostgreSQL: a Redis that was flushed would forgive everybody, and one that is away would lock everybody out.
    """

    subject = models.CharField(max_length=64)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["subject", "at"], name="login_attempt_recent"),
            models.Index(fields=["at"], name="login_attempt_oldest"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} at {self.at}"
