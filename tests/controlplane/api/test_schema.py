from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.validation import validate_schema

COMMITTED = Path(__file__).parents[3] / "frontend" / "openapi.json"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return SchemaGenerator().get_schema(request=None, public=True)


def test_the_committed_schema_is_the_one_that_is_served(schema: dict[str, Any]) -> None:
    made = json.loads(OpenApiJsonRenderer().render(schema, renderer_context={}))
    assert made == json.loads(COMMITTED.read_text()), "the API has changed; write its schema with: make openapi"


def test_it_is_openapi_3_1(schema: dict[str, Any]) -> None:
    validate_schema(schema)
    assert schema["openapi"].startswith("3.1")


def test_every_operation_has_a_short_name_of_its_own_and_may_answer_with_a_problem(schema: dict[str, Any]) -> None:
    operations = [operation for methods in schema["paths"].values() for operation in methods.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert all(not name.startswith("api_") for name in names)
    assert all("application/problem+json" in operation["responses"]["default"]["content"] for operation in operations)
