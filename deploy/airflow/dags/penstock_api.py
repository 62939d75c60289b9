"""Work that Penstock does and Airflow waits for: asked for, watched, and cancelled when nobody waits any more.

Speaks to Penstock's REST API through the HTTP connection `penstock`, whose password is an API token. Imports nothing
of Penstock: this folder is all that an Airflow needs.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk import PokeReturnValue, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

CONNECTION = "penstock"
ENDED = {"succeeded", "failed", "cancelled"}


def call(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Penstock's answer. Raises what the hook raises: a refusal's problem document is in the task's log."""
    token = HttpHook.get_connection(CONNECTION).password
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    hook = HttpHook(method=method, http_conn_id=CONNECTION)
    return hook.run(f"/api/v1/{path}", headers=headers, json=body, extra_options={"timeout": 30}).json()


def pipeline_path(pipeline: str) -> str:
    """The name comes from the form of whoever triggers: quoted, it stays one part of the path."""
    return f"pipelines/{quote(pipeline, safe='')}"


def reason() -> str:
    """What Penstock's audit log shall say: who triggered said why, or the run of the DAG is named."""
    context = get_current_context()
    return context["params"]["reason"] or f"Airflow, {context['dag'].dag_id} {context['run_id']}"


# An answer may be lost after Penstock has begun: asked for a second time, the same work would be begun again.
@task(retries=0)
def ask(path: str, body: dict[str, Any]) -> int:
    """Have the work begun; its id. `path` is the list that it joins."""
    return int(call("POST", path, {**body, "reason": reason()})["id"])


# Between two looks it takes no worker's slot.
@task.sensor(mode="reschedule", poke_interval=30, timeout=timedelta(hours=12), retries=3)
def ended(kind: str, number: int) -> PokeReturnValue:
    """Wait for the end of a run or a backfill (`kind`: runs, backfills). Fails, for good, where that has."""
    found = call("GET", f"{kind}/{number}")
    if found["state"] in ENDED - {"succeeded"}:
        told = found.get("cause") or "no reason told"
        raise AirflowFailException(f"{kind}/{number} of Penstock has {found['state']}: {told}")
    return PokeReturnValue(is_done=found["state"] == "succeeded")


# A teardown, not `on_kill`: between two looks there is no process that could be killed. It runs too where the wait
# timed out, failed, or was marked as failed by somebody.
@task(retries=3, retry_delay=timedelta(seconds=30))
def cancel(kind: str, number: int) -> str:
    """Have the work cancelled if it goes on although nobody waits for it; the state it was found in."""
    state = call("GET", f"{kind}/{number}")["state"]
    if state not in ENDED:
        call("POST", f"{kind}/{number}/cancel", {"reason": reason()})
    return str(state)


def done(kind: str, begun: Any) -> None:
    """The steps after `begun`, an `ask`: wait for the end, and leave nothing behind."""
    ended(kind, begun) >> cancel(kind, begun).as_teardown(setups=begun)
