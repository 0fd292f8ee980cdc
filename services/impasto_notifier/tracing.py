"""One attempt to send as others see it: its span, of the job's trace, and what its log lines have in common."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from impasto.backends.telemetry import spans
from impasto.backends.telemetry.bound import bound
from impasto.delivery import ClaimedDelivery, Ledger, Sender, Vault, deliver
from impasto.traces import trace_id_of
from impasto.webhooks import Verdict


async def deliver_traced(delivery: ClaimedDelivery, sender: Sender, vault: Vault, ledger: Ledger) -> Verdict:
    """As `deliver`; what is sent names this attempt's span as the one that the receiver goes on from."""
    job_id = delivery.event.data.get("job_id")
    with spans.span("POST", "client", parent=delivery.traceparent, attributes=_sent(delivery)) as span:
        here = span.traceparent or delivery.traceparent
        with bound(
            job_id=job_id if isinstance(job_id, str) else None, delivery_id=delivery.id, trace_id=trace_id_of(here)
        ):
            verdict = await deliver(replace(delivery, traceparent=here), sender, vault, ledger)
        if verdict.error:
            span.fail(verdict.error)
        return verdict


def _sent(delivery: ClaimedDelivery) -> spans.Attributes | None:
    """Not the address, beyond whose it is: what comes behind that may be a secret."""
    if not spans.recorded():
        return None
    job_id = delivery.event.data.get("job_id")
    return {
        "http.request.method": "POST",
        "http.request.resend_count": delivery.attempt - 1,
        "server.address": urlsplit(delivery.url).hostname or "",
        "impasto.webhook.delivery.id": delivery.id,
        "impasto.webhook.event.id": delivery.event.id,
        "impasto.webhook.event.type": delivery.event.type,
        **({"impasto.job.id": job_id} if isinstance(job_id, str) else {}),
    }
