"""Every error Impasto raises, as one tree that carries data and knows no HTTP.

    ImpastoError                what went wrong, a stable code, and what to do about it
    ├── InvalidInput            the caller's mistake; names the field, what is allowed and what came
    ├── NotFound                no such thing here (also: not yours)
    ├── Conflict                the thing is in a state that does not allow this
    ├── AccessDenied            no key, a revoked key, or a key without the scope
    ├── LimitExceeded           a quota, a rate or a size
    ├── JobFailed               a job ended as failed; raised by the worker to end it so, by the client to tell it
    └── Unavailable             a part of the platform does not answer; trying again later may help

The codes themselves are in `CODES`; the gateway maps each to its HTTP status, and `docs/errors.md` lists them.
"""

from __future__ import annotations

from typing import Any, Final

CODES: Final[dict[str, str]] = {
    # requests
    "json_invalid": "the body is not JSON",
    "content_type_unsupported": "the body's content type is not the one this address takes",
    "field_unknown": "a field that this address does not know",
    "field_missing": "a required field is missing",
    "value_out_of_range": "a value outside what is allowed",
    "value_invalid": "a value of the wrong form",
    "prompt_invalid": "text that is empty, too long, or holds control characters",
    "dimensions_invalid": "a picture size that cannot be made",
    "kind_unknown": "no job kind of that name",
    "body_too_large": "the body is larger than allowed",
    "request_timeout": "the request's body stopped coming, or came too slowly",
    "form_limits": "too many form parts, or a form field that is too large",
    "step_unknown": "a step names another one that the pipeline does not have",
    "steps_cyclic": "steps wait for one another in a circle",
    "reference_invalid": "a reference to what no result has, or to what does not fit where it is taken",
    "condition_invalid": "a condition that cannot be read, or that names no measure",
    "idempotency_mismatch": "this Idempotency-Key was used with another body",
    "idempotency_key_invalid": "an Idempotency-Key has 1 to 255 printable ASCII characters",
    "cursor_invalid": "that cursor did not come from this list",
    "method_not_allowed": "this address does not take that method",
    # access
    "unauthenticated": "no API key, or one that is unknown, expired or revoked",
    "scope_missing": "the key lacks the scope that this call needs",
    "not_found": "there is no such thing, or it is not yours",
    "rate_limited": "the key asks faster than it may",
    "quota_exceeded": "a quota of the tenant is used up",
    # pictures
    "image_empty": "the file has no bytes",
    "image_unrecognised": "the file is not a picture in a format that is read",
    "image_truncated": "the picture's file is cut off or damaged",
    "image_too_many_pixels": "the picture has more pixels, or a longer side, than is allowed",
    "image_animated_unsupported": "the picture has more than one frame",
    "image_format_unsupported": "a picture format that is not read",
    "image_decode_failed": "the picture could not be decoded within its limits",
    "metadata_invalid": "a caption or another field of an artwork is not valid",
    # state
    "job_already_finished": "the job has ended and cannot be changed",
    "job_not_finished": "the job has not ended yet",
    "job_succeeded": "the job has succeeded, so there is nothing to try again",
    "pipeline_already_finished": "the pipeline has ended and cannot be stopped",
    "pipeline_not_finished": "the pipeline has not ended yet",
    "pipeline_succeeded": "the pipeline has succeeded, so there is nothing to resume",
    "result_not_ready": "the job has not come so far that there is anything to show",
    "consent_denied": "the work's maker has not consented to learning from it",
    "dataset_too_small": "too few usable pictures, or too few labels, for this",
    "dataset_unreadable": "none of the chosen artworks could be read",
    "checkpoint_not_measured": "the checkpoint has no finished evaluation",
    "model_incompatible": "the checkpoint is not of the family this needs",
    "model_corrupt": "the checkpoint's file does not match its description",
    "model_format_unsafe": "the weights are not safetensors, or come with code: they are not read",
    "model_nan": "the weights hold numbers that are none",
    "model_too_large": "the weights have more files, tensors or bytes than is read",
    "library_missing": "the worker lacks an optional library that this needs",
    "import_missing": "the worker's folder of imports has no such folder",
    "hub_unreachable": "the hub of models cannot be asked from this worker, or refuses",
    "name_taken": "that name is in use",
    "schedule_ended": "the schedule was due but once, and that is over",
    "schedule_limit": "a tenant has at most 200 schedules",
    "no_worker_for_job": "no live worker can run the job, and it was to be refused then",
    # webhooks
    "webhook_url_not_allowed": "webhooks are not sent to such an address",
    "webhook_secret_invalid": "a secret is `whsec_` and the base64 of 24 to 64 bytes",
    "webhook_limit": "a tenant has at most 20 webhook endpoints",
    "webhook_disabled": "the webhook endpoint is disabled",
    "webhook_key_missing": "webhooks are not set up here: IMPASTO_WEBHOOK_SECRET_KEY is not set",
    # how jobs end
    "canceled": "the job was canceled",
    "deadline_missed": "the job did not end before its deadline",
    "start_missed": "the job did not start in time",
    "time_limit": "the job ran longer than its kind allows",
    "no_progress": "the job told no progress for longer than it may, more often than is tolerated",
    "worker_lost": "the job's workers were lost more often than is tolerated",
    "runner_killed": "the process that computed the job was killed more often than is tolerated",
    "memory_exceeded": "the checkpoint alone needs more memory than a worker gives to checkpoints",
    "out_of_memory": "the job needs more memory than its worker has",
    "training_diverged": "the loss became infinite or not a number",
    "internal_error": "a fault in Impasto itself",
    # parts of the platform
    "storage_unavailable": "the object store does not answer",
    "storage_full": "a worker's disk is full",
    "database_unavailable": "the database does not answer",
    "platform_unreachable": "nothing answers at the platform's address",
    "platform_not_empty": "there is a platform already, and it was not to be replaced",
    "platform_running": "parts of the platform run, and this needs them stopped",
    "backup_unusable": "a backup that is not whole, or is of another version than can be read here",
    "program_missing": "a program that this needs is not on this machine",
    "pretrained_missing": "pretrained weights are not installed; run `impasto models fetch`",
}


class ImpastoError(Exception):
    """Root of all errors; `code` is one of `CODES`, `hint` says what to do."""

    def __init__(self, code: str, message: str, *, hint: str | None = None, **data: Any) -> None:
        super().__init__(message)
        assert code in CODES, f"error code {code!r} is not declared"
        self.code, self.message, self.hint, self.data = code, message, hint, data

    def as_record(self) -> dict[str, Any]:
        """The error as JSON, as it is stored with a failed job."""
        record: dict[str, Any] = {"code": self.code, "message": self.message}
        return record | ({"hint": self.hint} if self.hint else {}) | self.data


class InvalidInput(ImpastoError):
    """The caller's mistake. `data` may hold `field`, `limit`, `actual`; never the content itself."""


class NotFound(ImpastoError):
    """There is no such thing, or it belongs to another tenant; the two look the same."""

    def __init__(self, what: str, identifier: str) -> None:
        super().__init__("not_found", f"there is no {what} {identifier}", hint="check the identifier and the API key")


class Conflict(ImpastoError):
    """The thing exists but its state does not allow this."""


class AccessDenied(ImpastoError):
    """No valid key, or a key without the scope."""


class LimitExceeded(ImpastoError):
    """A size, a rate or a quota."""


class JobFailed(ImpastoError):
    """A job ended as failed, for a reason that trying again does not cure."""


class Unavailable(ImpastoError):
    """A part of the platform does not answer."""
