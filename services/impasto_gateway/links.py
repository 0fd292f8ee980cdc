"""What an answer leads to, as the links of the OpenAPI document: for programs that follow them, and for the fuzz."""

from __future__ import annotations

from typing import Any, Final

_ID: Final = "$response.body#/id"
_ENDPOINT: Final = "$response.body#/endpoint/id"
_FIRST: Final = "$response.body#/items/0/id"

# From an operation's answer to others, which take this of it as that parameter.
_LINKS: Final[tuple[tuple[str, str, str, str, tuple[str, ...]], ...]] = (
    (
        "submit_job", "202", "job_id", _ID,
        ("get_job", "follow_job", "get_job_logs", "get_job_samples", "get_job_series", "get_job_preview", "cancel_job",
         "retry_job"),
    ),
    ("submit_jobs", "202", "job_id", _FIRST, ("get_job", "cancel_job")),
    ("list_jobs", "200", "job_id", _FIRST, ("get_job", "get_job_logs", "follow_job")),
    ("get_job", "200", "job_id", _ID, ("cancel_job", "follow_job", "retry_job")),
    ("cancel_job", "202", "job_id", _ID, ("get_job", "retry_job", "follow_job")),
    ("retry_job", "202", "job_id", _ID, ("get_job", "cancel_job")),
    ("upload_artworks", "200", "artwork_id", "$response.body#/files/0/artwork/id", ("get_artwork",)),
    ("list_artworks", "200", "artwork_id", _FIRST, ("get_artwork",)),
    ("list_artworks", "200", "identifier", _FIRST, ("get_lineage",)),
    ("list_checkpoints", "200", "checkpoint_id", _FIRST, ("get_checkpoint",)),
    ("submit_pipeline", "202", "pipeline_id", _ID, ("get_pipeline", "follow_pipeline", "cancel_pipeline")),
    ("get_pipeline", "200", "pipeline_id", _ID, ("cancel_pipeline", "resume_pipeline")),
    ("cancel_pipeline", "202", "pipeline_id", _ID, ("get_pipeline", "resume_pipeline", "follow_pipeline")),
    ("resume_pipeline", "202", "pipeline_id", _ID, ("get_pipeline", "cancel_pipeline")),
    ("create_schedule", "201", "schedule_id", _ID, ("get_schedule", "pause_schedule", "remove_schedule")),
    ("pause_schedule", "200", "schedule_id", _ID, ("resume_schedule", "remove_schedule")),
    ("resume_schedule", "200", "schedule_id", _ID, ("get_schedule", "pause_schedule", "remove_schedule")),
    (
        "create_webhook", "201", "endpoint_id", _ENDPOINT,
        ("get_webhook", "change_webhook", "ping_webhook", "rotate_webhook", "remove_webhook"),
    ),
    ("rotate_webhook", "200", "endpoint_id", _ENDPOINT, ("get_webhook", "ping_webhook", "remove_webhook")),
    ("ping_webhook", "202", "endpoint_id", _ID, ("get_webhook", "remove_webhook")),
    ("list_deliveries", "200", "delivery_id", _FIRST, ("replay_delivery",)),
    ("create_key", "201", "key_id", "$response.body#/record/id", ("revoke_key",)),
    ("list_tenants", "200", "tenant", _FIRST, ("get_tenant",)),
)  # fmt: skip


def linked(document: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with its links."""
    operations = {
        operation["operationId"]: operation for path in document["paths"].values() for operation in path.values()
    }
    for source, status, parameter, value, targets in _LINKS:
        links = operations[source]["responses"][status].setdefault("links", {})
        for target in targets:
            assert target in operations
            links[target] = {"operationId": target, "parameters": {parameter: value}}
    return document
