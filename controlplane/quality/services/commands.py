"""What people say of suites: made, given a new version, enabled and disabled. None is deleted: its history stays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from controlplane.accounts.models import User
from controlplane.accounts.services import audit_record
from controlplane.alerts.services import incident_clear
from controlplane.alerts.states import IncidentKind
from controlplane.core.errors import DomainError, NotFound
from controlplane.pipelines.models import Pipeline
from controlplane.pipelines.selectors import pipeline_named
from controlplane.quality import drift
from controlplane.quality.checking import FIELDS, suite_checked
from controlplane.quality.models import Suite, SuiteVersion
from controlplane.quality.selectors import version_newest
from spark_jobs import vocabulary
from spark_jobs.suites import Severity

# What a new installation has: what its rows have to be like, and whether a day is like those before it.
PROVIDED: tuple[Mapping[str, Any], ...] = (*vocabulary.PROVIDED, drift.PROVIDED)


class Taken(DomainError):
    """Another suite of the pipeline has the name."""


@transaction.atomic
def suite_create(
    *, pipeline: str, name: str, values: Mapping[str, Any], actor: User | None, reason: str = ""
) -> SuiteVersion:
    """A new suite with its first version. Raises NotFound, Invalid and Taken."""
    found = _locked(pipeline)
    if Suite.objects.filter(pipeline=found, name=name).exists():
        raise Taken(f"{pipeline} has a suite {name} already")
    version, _ = suite_save(pipeline=pipeline, name=name, values=values, actor=actor, reason=reason)
    return version


@transaction.atomic
def suite_save(
    *, pipeline: str, name: str, values: Mapping[str, Any], actor: User | None, reason: str = ""
) -> tuple[SuiteVersion, bool]:
    """The newest version of a suite if it says just this, else the next one, and whether it was made; a suite that is
    not there is made with it. Raises NotFound and Invalid.
    """
    told = suite_checked(name, values)
    found = _locked(pipeline)
    suite, _ = Suite.objects.get_or_create(pipeline=found, name=name)
    newest = suite.versions.first()
    if newest is not None and _same(said(newest), told):
        return newest, False
    number = newest.number + 1 if newest else 1
    made = SuiteVersion.objects.create(suite=suite, number=number, made_by=actor, reason=reason, **told)
    if told["severity"] != Severity.HOLD:
        _forgive(suite, "the suite holds nothing back any more")
    before = {"number": newest.number, **said(newest)} if newest else None
    audit_record(
        actor=actor,
        action="suite.changed" if newest else "suite.made",
        object=suite.path,
        before=before,
        after={"number": number, **told},
        reason=reason,
    )
    return made, True


def suite_plan(*, pipeline: str, name: str, values: Mapping[str, Any], is_new: bool = False) -> dict[str, Any]:
    """What saving this would change: `version` is the number that would say it, `makes_version` whether that is a new
    one, `changes` what would be otherwise, in words. Raises NotFound, Invalid and Taken.
    """
    told = suite_checked(name, values)
    suite = Suite.objects.filter(pipeline=pipeline_named(pipeline), name=name).first()
    if suite is None:
        return {"version": 1, "makes_version": True, "changes": _changes({}, told)}
    if is_new:
        raise Taken(f"{pipeline} has a suite {name} already")
    newest = version_newest(suite)
    changes = _changes(said(newest), told)
    makes = not _same(said(newest), told)
    return {"version": newest.number + makes, "makes_version": makes, "changes": changes}


@transaction.atomic
def suite_switch(*, pipeline: str, name: str, enabled: bool, actor: User | None, reason: str = "") -> Suite:
    """Have a suite be evaluated, or not any more. Raises NotFound."""
    found = _locked(pipeline)
    suite = Suite.objects.select_related("pipeline").filter(pipeline=found, name=name).first()
    if suite is None:
        raise NotFound(f"{pipeline} has no suite {name}")
    if suite.enabled == enabled:
        return suite
    Suite.objects.filter(pk=suite.pk).update(enabled=enabled)
    suite.refresh_from_db()
    if not enabled:
        _forgive(suite, "the suite was disabled")
    action = "suite.enabled" if enabled else "suite.disabled"
    told = {"before": {"enabled": not enabled}, "after": {"enabled": enabled}}
    audit_record(actor=actor, action=action, object=suite.path, reason=reason, **told)
    return suite


@transaction.atomic
def suites_ensure(*, pipeline: Pipeline) -> list[str]:
    """Make the suites that every pipeline starts with, but for those that it has, whatever they say by now; their names
    as they were made.
    """
    known = set(Suite.objects.filter(pipeline=pipeline).values_list("name", flat=True))
    missing = [dict(item) for item in PROVIDED if item["name"] not in known]
    for item in missing:
        suite_create(
            pipeline=pipeline.name,
            name=item["name"],
            values={field: item[field] for field in FIELDS},
            actor=None,
            reason="provided",
        )
    return [str(item["name"]) for item in missing]


def said(version: SuiteVersion) -> dict[str, Any]:
    return {field: getattr(version, field) for field in FIELDS}


def _locked(pipeline: str) -> Pipeline:
    """Who changes suites waits here for each other. Raises NotFound."""
    return Pipeline.objects.select_for_update(no_key=True).get(pk=pipeline_named(pipeline).pk)


def _forgive(suite: Suite, words: str) -> None:
    incident_clear(kind=IncidentKind.QUALITY_FAILED, object=suite.path, resolution=words)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    known, wanted = ([_words(item) for item in told.get("expectations", [])] for told in (before, after))
    fields = [field for field in ("layer", "severity") if before.get(field) != after[field]]
    changes = [f"{field}: {before.get(field, 'new')} -> {after[field]}" for field in fields]
    changes += [f"- {words}" for words in known if words not in wanted]
    changes += [f"+ {words}" for words in wanted if words not in known]
    if not changes and known != wanted:
        changes = ["the same expectations in another order, or another number of times"]
    return changes


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """As JSON has it: to Python, true is 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _words(expectation: Mapping[str, Any]) -> str:
    return f"{expectation['type']} {json.dumps(expectation['arguments'], sort_keys=True)}"
