"""Dead letters: their reasons, groups and letters, a dry run of a mapping, redrives, discards."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.core.api.parsing import ReasonSerializer, StrictSerializer
from controlplane.core.api.views import ApiView, ListView
from controlplane.deadletters import serializers as shown
from controlplane.deadletters.mapping import mapping_checked
from controlplane.deadletters.models import REASONS, DeadLetter, DeadLetterGroup, Redrive
from controlplane.deadletters.selectors import (
    groups_counted,
    letter_numbered,
    letters_selected,
    mend_preview,
    redrive_numbered,
)
from controlplane.deadletters.services import letters_discard, letters_reopen, redrive_cancel, redrive_request
from controlplane.deadletters.states import RedriveState
from controlplane.deadletters.vocabulary import WHEN
from controlplane.pipelines.selectors import pipeline_named

MOST_DOWNLOADED = 100_000
JSON_LINES = "application/x-ndjson"


class ReasonsView(ApiView):
    @extend_schema(operation_id="dead_letter_reasons_get", responses=shown.VocabularySerializer)
    def get(self, request: Request) -> Response:
        """Why a record becomes a dead letter."""
        return Response({"reasons": [{"reason": str(reason), "when": when} for reason, when in WHEN.items()]})


class GroupQuerySerializer(StrictSerializer):
    reason = serializers.ChoiceField(REASONS, required=False)


@extend_schema_view(get=extend_schema(operation_id="dead_letter_groups_list"))
class GroupList(ListView):
    """Letters of one reason and shape of payload, newest group first."""

    query_serializer = GroupQuerySerializer
    serializer_class = shown.GroupSerializer
    queryset = DeadLetterGroup.objects.all()

    def get_queryset(self) -> QuerySet[DeadLetterGroup]:
        return groups_counted(pipeline_named(self.kwargs["name"])).filter(**self.query)


@extend_schema_view(get=extend_schema(operation_id="dead_letters_list"))
class LetterList(ListView):
    """Dead letters, newest first, with the beginning of each payload."""

    query_serializer = shown.LetterQuerySerializer
    serializer_class = shown.LetterSerializer
    queryset = DeadLetter.objects.all()

    def get_queryset(self) -> QuerySet[DeadLetter]:
        return letters_selected(pipeline_named(self.kwargs["name"]), **self.query).defer("payload")


class LetterDetail(ApiView):
    @extend_schema(operation_id="dead_letters_get", responses=shown.LetterDetailSerializer)
    def get(self, request: Request, letter_id: int) -> Response:
        return Response(shown.LetterDetailSerializer(letter_numbered(letter_id)).data)


class DownloadView(ApiView):
    query_serializer = shown.LetterQuerySerializer

    @extend_schema(
        operation_id="dead_letters_download",
        responses={(200, JSON_LINES): OpenApiResponse(OpenApiTypes.STR, "A letter a line.")},
    )
    def get(self, request: Request, name: str) -> HttpResponse | StreamingHttpResponse:
        """The letters of a selection as JSON Lines, newest first, 100,000 at most."""
        letters = letters_selected(pipeline_named(name), **self.query).select_related("group").order_by("-pk")
        headers = {"Content-Disposition": 'attachment; filename="dead-letters.jsonl"'}
        if request.method == "HEAD":
            return HttpResponse(content_type=JSON_LINES, headers=headers)
        return StreamingHttpResponse(_lines(letters[:MOST_DOWNLOADED]), content_type=JSON_LINES, headers=headers)


async def _lines(letters: QuerySet[DeadLetter]) -> AsyncIterator[bytes]:
    async for letter in letters.aiterator(chunk_size=500):
        yield json.dumps(shown.LetterDetailSerializer(letter).data).encode() + b"\n"


class MendView(ApiView):
    @extend_schema(
        operation_id="dead_letters_mend", request=shown.MendRequestSerializer, responses=shown.MendSerializer
    )
    def post(self, request: Request, name: str) -> Response:
        """What a mapping would make of the open letters of a selection; nothing changes."""
        told = self.checked(shown.MendRequestSerializer, request.data)
        letters = letters_selected(pipeline_named(name), **shown.selection_of(told))
        return Response(shown.MendSerializer(mend_preview(letters, mapping_checked(told["mapping"]))).data)


class DiscardView(ApiView):
    @extend_schema(
        operation_id="dead_letters_discard",
        request=shown.DiscardRequestSerializer,
        responses=shown.DiscardSerializer,
    )
    def post(self, request: Request, name: str) -> Response:
        """Give up the open letters of a selection."""
        told = self.checked(shown.DiscardRequestSerializer, request.data)
        made, count = letters_discard(
            pipeline=name, actor=request.user, reason=told["reason"], **shown.selection_of(told)
        )
        return Response({"discard": made.pk, "letters": count})


class ReopenView(ApiView):
    @extend_schema(
        operation_id="dead_letters_reopen",
        request=shown.DiscardRequestSerializer,
        responses=shown.ReopenedSerializer,
    )
    def post(self, request: Request, name: str) -> Response:
        """Take back the discard of a selection's letters."""
        told = self.checked(shown.DiscardRequestSerializer, request.data)
        count = letters_reopen(pipeline=name, actor=request.user, reason=told["reason"], **shown.selection_of(told))
        return Response({"letters": count})


class RedriveQuerySerializer(StrictSerializer):
    state = serializers.ChoiceField(RedriveState.choices, required=False)


@extend_schema_view(get=extend_schema(operation_id="redrives_list"))
class RedriveList(ListView):
    """Redrives of a pipeline, newest first."""

    query_serializer = RedriveQuerySerializer
    serializer_class = shown.RedriveSerializer
    queryset = Redrive.objects.all()

    def get_queryset(self) -> QuerySet[Redrive]:
        redrives = Redrive.objects.select_related("pipeline", "requested_by")
        return redrives.filter(pipeline=pipeline_named(self.kwargs["name"]), **self.query)

    @extend_schema(
        operation_id="redrives_create",
        request=shown.RedriveRequestSerializer,
        responses={202: shown.RedriveSerializer},
    )
    def post(self, request: Request, name: str) -> Response:
        """Have the open letters of a selection sent back through Kafka; the answer comes before the first is sent."""
        told = self.checked(shown.RedriveRequestSerializer, request.data)
        options: dict[str, Any] = {key: told[key] for key in ("reason", "mapping", "rate", "unchecked")}
        made = redrive_request(pipeline=name, actor=request.user, **options, **shown.selection_of(told))
        return Response(shown.RedriveSerializer(made).data, status=status.HTTP_202_ACCEPTED)


class RedriveDetail(ApiView):
    @extend_schema(operation_id="redrives_get", responses=shown.RedriveSerializer)
    def get(self, request: Request, redrive_id: int) -> Response:
        return Response(shown.RedriveSerializer(redrive_numbered(redrive_id)).data)


class RedriveCancelView(ApiView):
    @extend_schema(operation_id="redrives_cancel", request=ReasonSerializer, responses={202: shown.RedriveSerializer})
    def post(self, request: Request, redrive_id: int) -> Response:
        """Have a redrive end; what was not sent is open again."""
        made = redrive_cancel(redrive_id=redrive_id, actor=request.user, reason=self.reason(request))
        return Response(shown.RedriveSerializer(made).data, status=status.HTTP_202_ACCEPTED)
