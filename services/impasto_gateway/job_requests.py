"""What a submission says: one body for each kind, told apart by `kind`."""

from __future__ import annotations

import functools
import operator
import re
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from impasto.errors import InvalidInput
from impasto.jobs import LEAST_NO_PROGRESS_S, MOST_NO_PROGRESS_S, JobRecord
from impasto.kinds import Kind, all_kinds
from impasto.submission import MOST_JOBS
from impasto.webhooks import JobEventChoice, WebhookUrl

_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


class CallbackRequest(BaseModel):
    """Where this one job's events are sent, beside the tenant's webhooks."""

    model_config = ConfigDict(extra="forbid")

    url: WebhookUrl = Field(description="https, port 443 or 8443, a public address.")
    events: list[JobEventChoice] = Field(
        ["job.succeeded", "job.failed", "job.canceled"], min_length=1, max_length=5, description="Or `job.*` for all."
    )
    secret: str | None = Field(None, max_length=100, description="`whsec_` and base64; made if it is left out.")


class JobFields(BaseModel):
    """What every job may be given beside its kind and params."""

    model_config = ConfigDict(extra="forbid")

    priority: int = Field(0, ge=-10, le=10, description="Higher goes first.")
    deadline_s: float | None = Field(
        None, gt=0, le=30 * 86400, allow_inf_nan=False, description="Seconds from now by which the job must have ended."
    )
    start_by_s: float | None = Field(
        None,
        gt=0,
        le=30 * 86400,
        allow_inf_nan=False,
        description="Seconds from now by which the job must have started.",
    )
    start_after_s: float | None = Field(
        None, gt=0, le=30 * 86400, allow_inf_nan=False, description="Seconds from now before which it does not start."
    )
    no_progress_s: float | None = Field(
        None,
        ge=LEAST_NO_PROGRESS_S,
        le=MOST_NO_PROGRESS_S,
        allow_inf_nan=False,
        description="Seconds that its computation may tell no progress; if left out, as its kind allows.",
    )
    callback: CallbackRequest | None = None
    require_worker: bool = Field(False, description="Refuse the job if no live worker can run it, instead of waiting.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        ends = [end for end in (self.start_by_s, self.deadline_s) if end is not None]
        if self.start_after_s is not None and ends and min(ends) <= self.start_after_s:
            raise ValueError("start_by_s and deadline_s come after start_after_s")
        return self


class AcceptedJob(JobRecord):
    """A job as it was accepted; `callback_secret` is what its callback is signed with, shown here alone."""

    callback_secret: str | None = None


def _request_of(kind: Kind[Any, Any]) -> type[BaseModel]:
    name = "Submit" + "".join(part.title() for part in re.split(r"[._]", kind.name))
    return create_model(
        name,
        __base__=JobFields,
        __doc__=kind.summary,
        kind=(Literal[kind.name], ...),  # type: ignore[arg-type]  # the name is known at run time alone
        params=(kind.params, ...),
    )


if TYPE_CHECKING:
    JobRequest = JobFields
else:
    # One union of all kinds, told apart by `kind`: a fault is named at its exact place.
    JobRequest = Annotated[
        functools.reduce(operator.or_, [_request_of(kind) for kind in all_kinds().values()]),
        Field(discriminator="kind"),
    ]


class BulkRequest(BaseModel):
    """Up to 1,000 jobs that are accepted together or not at all. None of them may have a callback."""

    model_config = ConfigDict(extra="forbid")

    jobs: list[JobRequest] = Field(min_length=1, max_length=MOST_JOBS)


class AcceptedJobs(BaseModel):
    """Jobs as they were accepted, in the order in which they were given."""

    items: list[JobRecord]


def is_key(idempotency_key: str) -> bool:
    """Whether it has the form of an Idempotency-Key."""
    return _KEY.fullmatch(idempotency_key) is not None


def check_key(idempotency_key: str | None) -> None:
    """Raises:
    InvalidInput: it is no Idempotency-Key.
    """
    if idempotency_key is not None and not is_key(idempotency_key):
        raise InvalidInput("idempotency_key_invalid", "an Idempotency-Key has 1 to 255 printable ASCII characters")


def asked_for(request: JobFields) -> dict[str, Any]:
    """The body as it was before there were all of its fields, so that its digest is still the same."""
    body = request.model_dump(mode="json")
    for added in ("callback", "start_by_s", "start_after_s", "no_progress_s", "require_worker"):
        if not body[added]:
            del body[added]
    return body
