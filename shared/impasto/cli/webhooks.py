"""`impasto webhooks add|list|remove|ping|rotate|deliveries|replay|listen`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from impasto.cli import tables, words
from impasto.cli.session import Session, command

if TYPE_CHECKING:
    from impasto.webhooks import WebhookDelivery, WebhookEndpoint


@click.group(short_help="Say where events are sent, and see what was sent.")
def webhooks() -> None:
    """Say where events are sent, and see what was sent. Needs a key with scope `webhooks`."""


@webhooks.command(short_help="Add an endpoint.")
@click.argument("url")
@click.option("--event", "events", multiple=True, default=("*",), show_default=True, help="Again for more; `job.*`.")
@click.option("--description", default="")
@click.option("--secret", help="`whsec_` and base64. Default: one is made.")
@command
def add(session: Session, url: str, events: tuple[str, ...], description: str, secret: str | None) -> None:
    """Add an endpoint. Its secret is shown once; it gets events once it has answered a ping."""
    made = session.client.webhooks.create(url, events, description=description, secret=secret)
    if session.as_json:
        session.json(made)
        return
    click.echo(made.secret)
    session.note(f"{made.endpoint.id} is pending until it answers; the secret is not shown again")


@webhooks.command("list", short_help="List endpoints.")
@command
def list_(session: Session) -> None:
    """List endpoints, without their secrets."""
    found = list(session.client.webhooks.list())
    if session.as_json:
        session.json(found)
        return
    rows = ((e.id, _standing(e), ", ".join(e.events), words.ago(e.created_at), e.url) for e in found)
    tables.table(session, ["ID", "STATE", "EVENTS", "MADE", "URL"], rows, "no webhooks")


@webhooks.command(short_help="Remove an endpoint.")
@click.argument("endpoint_id", metavar="WEBHOOK")
@command
def remove(session: Session, endpoint_id: str) -> None:
    """Remove an endpoint; the log of its deliveries stays."""
    session.client.webhooks.remove(endpoint_id)
    if session.as_json:
        session.json({"removed": endpoint_id})
    else:
        click.echo(f"{endpoint_id} is removed")


@webhooks.command(short_help="Send a ping.")
@click.argument("endpoint_id", metavar="WEBHOOK")
@command
def ping(session: Session, endpoint_id: str) -> None:
    """Send a `webhook.ping`. One that is disabled is enabled by it: it is pending until it answers."""
    endpoint = session.client.webhooks.get(endpoint_id)
    client = session.client.webhooks
    endpoint = client.change(endpoint_id, enabled=True) if endpoint.state == "disabled" else client.ping(endpoint_id)
    if session.as_json:
        session.json(endpoint)
    else:
        click.echo(f"a ping is on its way; how it went: impasto webhooks deliveries --webhook {endpoint_id}")


@webhooks.command(short_help="Change the secret.")
@click.argument("endpoint_id", metavar="WEBHOOK")
@click.option("--secret", help="`whsec_` and base64. Default: one is made.")
@click.option("--overlap", default=24.0, type=click.FloatRange(0, 168), show_default=True, help="Hours of both.")
@command
def rotate(session: Session, endpoint_id: str, secret: str | None, overlap: float) -> None:
    """Give an endpoint a new secret, shown once. For a while everything is signed by both."""
    made = session.client.webhooks.rotate(endpoint_id, secret=secret, overlap_s=round(overlap * 3600))
    if session.as_json:
        session.json(made)
        return
    click.echo(made.secret)
    session.note(f"the old secret signs too for {words.span(overlap * 3600)}")


@webhooks.command(short_help="List what was sent.")
@click.option("--webhook", "endpoint_id", help="Only to this endpoint.")
@click.option("--state", type=click.Choice(["waiting", "delivered", "failed"]))
@click.option("--job", "job_id", help="Only of this job.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@command
def deliveries(session: Session, endpoint_id: str | None, state: str | None, job_id: str | None, limit: int) -> None:
    """List attempts to send, newest first."""
    client = session.client.webhooks
    found = list(client.deliveries(endpoint=endpoint_id, state=state, job=job_id, limit=limit))
    if session.as_json:
        session.json(found)
        return
    rows = ((d.id, d.type, d.attempt, d.state, words.ago(d.finished_at or d.next_at), _said(d)) for d in found)
    tables.table(session, ["ID", "EVENT", "#TRY", "STATE", "WHEN", "ANSWER"], rows, "nothing was sent yet")


@webhooks.command(short_help="Send an event again.")
@click.argument("delivery_id", metavar="DELIVERY")
@command
def replay(session: Session, delivery_id: str) -> None:
    """Send the event of a delivery again, to the same endpoint."""
    made = session.client.webhooks.replay(delivery_id)
    if session.as_json:
        session.json(made)
    else:
        click.echo(f"{made.type} is on its way again as {made.id}")


@webhooks.command(short_help="Receive events here, for development.")
@click.option("--secret", required=True, envvar="IMPASTO_WEBHOOK_SECRET", help="What the events are signed with.")
@click.option("--port", default=8099, show_default=True, type=click.IntRange(1, 65535))
@command
def listen(session: Session, secret: str, port: int) -> None:
    """Receive events on this machine and print those whose signature is right, one JSON document a line.

    For development: the platform sends to this machine only with IMPASTO_WEBHOOK_ALLOW_PRIVATE=1.
    """
    from impasto.cli.webhook_listener import serve  # a server only where one is wanted

    session.note(f"listening at http://127.0.0.1:{port}/ ; Ctrl-C ends it")
    serve(port, secret, tell=click.echo, warn=session.note)


def _standing(endpoint: WebhookEndpoint) -> str:
    if endpoint.state == "disabled":
        return f"disabled ({endpoint.disabled_reason})"
    return f"failing since {words.ago(endpoint.failing_since)}" if endpoint.failing_since else endpoint.state


def _said(delivery: WebhookDelivery) -> str:
    if delivery.state == "waiting":
        return ""
    return f"{delivery.status or delivery.error} in {delivery.ms} ms" if delivery.ms else str(delivery.error or "")
