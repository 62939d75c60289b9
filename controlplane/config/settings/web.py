"""Who gets in, and how answers look: logins, headers, static files, the API's framework and its schema."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

from controlplane.core.bodies import LARGEST_BODY

VERSION = version("penstock")

MIDDLEWARE = [
    "controlplane.core.request_id.RequestIdMiddleware",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "controlplane.core.content_security.ContentSecurityMiddleware",
    "controlplane.config.console.FilesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["controlplane.accounts.logins.ThrottledBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_REDIRECT_URL = "/admin/"  # of the admin's own login page; the console has another
SESSION_ENGINE = "controlplane.accounts.sessions"
SESSION_COOKIE_AGE = 12 * 3600
DATA_UPLOAD_MAX_MEMORY_SIZE = LARGEST_BODY
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

# Its own places only. Styles in elements are what the console's and the admin's components write.
CONTENT_SECURITY_POLICY = {
    "default-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
# Alpine, which the admin's pages are made with, compiles expressions from attributes.
ADMIN_SECURITY_POLICY = {**CONTENT_SECURITY_POLICY, "script-src": "'self' 'unsafe-eval'"}

STATIC_URL = "/static/"
# The packages' files are served from where they lie: nothing is to be collected before the first start.
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False
# The console as Vite built it, which writes the hash of a file's content into its name.
CONSOLE = Path(__file__).parents[3] / "frontend" / "dist"
WHITENOISE_ROOT = CONSOLE if CONSOLE.is_dir() else None
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/assets/"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "controlplane.accounts.authentication.BearerAuthentication",
        "controlplane.accounts.authentication.CookieAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["controlplane.core.api.permissions.RoleAndScope"],
    "DEFAULT_PARSER_CLASSES": ["controlplane.core.api.parsing.ShallowJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "controlplane.core.api.schema.ProblemSchema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "controlplane.core.api.problems.exception_handler",
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Penstock",
    "DESCRIPTION": "Pipelines of sensor readings: what is known of them, and how they are steered.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "GET_LIB_DOC_EXCLUDES": "controlplane.core.api.schema.not_descriptions",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "controlplane.core.api.schema.answers_are_complete",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_SUFFIX": "",
    "ENUM_NAME_OVERRIDES": {
        "Role": "controlplane.core.roles.Role",
        "Scope": "controlplane.core.roles.Scope",
        "Desired": "controlplane.streaming.states.Desired",
        "Observed": "controlplane.streaming.states.Observed",
        # Of loads and of recounts: the same words.
        "WorkStatus": "controlplane.warehouse.models.LoadStatus",
        "Query": "controlplane.streaming.api.QUERIES",
        "Measure": "controlplane.ledger.api.accounts.MEASURES",
        "IncidentKind": "controlplane.alerts.states.IncidentKind",
        "Verdict": "controlplane.streaming.preflight.Verdict",
        "RunKind": "controlplane.runs.states.RunKind",
        "RequestedKind": "controlplane.runs.api.REQUESTED",
        "RunState": "controlplane.runs.states.RunState",
        "StageName": "controlplane.runs.states.StageName",
        # Of stages and of the slots of backfills: the same words.
        "StageState": "controlplane.runs.states.StageState",
        "ApplicationState": "controlplane.runs.states.ApplicationState",
        "BackfillState": "controlplane.backfills.states.BackfillState",
        "BackfillOrder": "controlplane.backfills.states.Order",
        "BackfillOnly": "controlplane.backfills.states.Only",
        "DayBefore": "controlplane.backfills.states.Before",
        "LetterStatus": "controlplane.deadletters.states.LetterStatus",
        "DeadLetterReason": "controlplane.deadletters.models.REASONS",
        "RedriveState": "controlplane.deadletters.states.RedriveState",
        "Layer": "controlplane.quality.states.LAYERS",
        "Severity": "controlplane.quality.states.SEVERITIES",
        "QualityVerdict": "controlplane.quality.states.VERDICTS",
        "CatchUp": "controlplane.schedules.states.CatchUp",
        "SlotState": "controlplane.schedules.states.SlotState",
        "FreshTable": "controlplane.schedules.states.FreshTable",
        "SimulatorDesired": "controlplane.telemetry.states.SimulatorDesired",
        "SimulatorObserved": "controlplane.telemetry.api.SIMULATOR_OBSERVED",
    },
}

# The console's accent, from light to dark.
TEAL = ["f0fdfa", "ccfbf1", "99f6e4", "5eead4", "2dd4bf", "14b8a6", "0d9488", "0f766e", "115e59", "134e4a", "042f2e"]
SHADES = ["50", *(str(shade) for shade in range(100, 1000, 100)), "950"]
UNFOLD = {
    "SITE_TITLE": "Penstock",
    "SITE_HEADER": "Penstock",
    "SITE_SYMBOL": "valve",
    "SHOW_VIEW_ON_SITE": False,
    "COLORS": {"primary": {shade: f"#{colour}" for shade, colour in zip(SHADES, TEAL, strict=True)}},
    "LOGIN": {"form": "controlplane.accounts.forms.LoginForm"},
}
