"""`/v1/artworks`, `/v1/datasets`, `/v1/checkpoints`, `/v1/styles`: what was put in and what jobs made of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from impasto.artworks import Artwork, ShortText
from impasto.backends.postgres import catalogue
from impasto.backends.postgres.artworks import artwork_by_id, list_artworks
from impasto.backends.postgres.inbox import PostgresInbox
from impasto.checkpoints import STARTER, AnyCheckpoint, Checkpoint
from impasto.datasets import Dataset, DatasetVersion, Name
from impasto.errors import NotFound
from impasto.identifiers import ArtworkId, DatasetVersionId
from impasto.starter import starter_checkpoint
from impasto.styles import BUILT_IN_STYLES, NewStyle, Style
from impasto.submission import references
from impasto_gateway.parts import Cursor, Limit, Page, ReadTransaction, SubmitTransaction, page

router = APIRouter(prefix="/v1")
# An id has the form of a name as well.
DatasetName = Annotated[Name, Path(description="A dataset's id or name.")]


@router.get("/artworks", tags=["artworks"], summary="List artworks", operation_id="list_artworks")
async def get_artworks(
    connection: ReadTransaction,
    cursor: Cursor,
    limit: Limit = 50,
    collection: Annotated[ShortText | None, Query()] = None,
    artist: Annotated[ShortText | None, Query()] = None,
) -> Page[Artwork]:
    """The tenant's artworks, newest first."""
    found = await list_artworks(connection, collection=collection, artist=artist, before=cursor, most=limit + 1)
    return page(found, limit)


@router.get("/artworks/{artwork_id}", tags=["artworks"], summary="Look at an artwork", operation_id="get_artwork")
async def get_artwork(artwork_id: ArtworkId, connection: ReadTransaction) -> Artwork:
    """An artwork's fields; its picture is the artifact `sha256`."""
    if (artwork := await artwork_by_id(connection, artwork_id)) is None:
        raise NotFound("artwork", artwork_id)
    return artwork


@router.get("/datasets", tags=["datasets"], summary="List datasets", operation_id="list_datasets")
async def get_datasets(connection: ReadTransaction, cursor: Cursor, limit: Limit = 50) -> Page[Dataset]:
    """The tenant's datasets, newest first."""
    return page(await catalogue.list_datasets(connection, cursor, limit + 1), limit)


@router.get("/datasets/{dataset}", tags=["datasets"], summary="Look at a dataset", operation_id="get_dataset")
async def get_dataset(dataset: DatasetName, connection: ReadTransaction) -> Dataset:
    """A dataset, by id or name."""
    if (found := await catalogue.dataset_by_id(connection, dataset)) is None:
        raise NotFound("dataset", dataset)
    return found


@router.get(
    "/datasets/{dataset}/versions", tags=["datasets"], summary="List versions", operation_id="list_dataset_versions"
)
async def get_versions(dataset: DatasetName, connection: ReadTransaction) -> Page[DatasetVersion]:
    """Every version of a dataset, newest first."""
    found = await get_dataset(dataset, connection)
    return Page(items=await catalogue.versions_of(connection, found.id))


@router.get(
    "/dataset-versions/{version_id}", tags=["datasets"], summary="Look at a version", operation_id="get_dataset_version"
)
async def get_version(version_id: DatasetVersionId, connection: ReadTransaction) -> DatasetVersion:
    """One immutable version; its manifest is the artifact `manifest_sha256`."""
    if (found := await catalogue.version_by_id(connection, version_id)) is None:
        raise NotFound("dataset version", version_id)
    return found


@router.get("/checkpoints", tags=["checkpoints"], summary="List checkpoints", operation_id="list_checkpoints")
async def get_checkpoints(connection: ReadTransaction, cursor: Cursor, limit: Limit = 50) -> Page[Checkpoint]:
    """The tenant's checkpoints, newest first; the first page begins with the starter, which belongs to everybody."""
    found = page(await catalogue.list_checkpoints(connection, cursor, limit + 1), limit)
    if cursor is None and (starter := starter_checkpoint()):
        found.items = [starter.model_copy(update={"evaluations": []}), *found.items]
    return found


@router.get(
    "/checkpoints/{checkpoint_id}", tags=["checkpoints"], summary="Look at a checkpoint", operation_id="get_checkpoint"
)
async def get_checkpoint(checkpoint_id: AnyCheckpoint, connection: ReadTransaction) -> Checkpoint:
    """A checkpoint and every evaluation of it; `starter` is the one that comes with Impasto."""
    if checkpoint_id == STARTER and (starter := starter_checkpoint()):
        return starter
    if (found := await catalogue.checkpoint_by_id(connection, checkpoint_id)) is None:
        raise NotFound("checkpoint", checkpoint_id)
    return found


@router.get("/styles", tags=["styles"], summary="List styles", operation_id="list_styles")
async def get_styles(connection: ReadTransaction, cursor: Cursor, limit: Limit = 50) -> Page[Style]:
    """The tenant's styles, newest first; the first page begins with the built-in ones."""
    found = page(await catalogue.list_styles(connection, cursor, limit + 1), limit)
    if cursor is None:
        found.items = [*BUILT_IN_STYLES, *found.items]
    return found


@router.post("/styles", tags=["styles"], status_code=201, summary="Keep a style", operation_id="create_style")
async def create_style(style: NewStyle, connection: SubmitTransaction) -> Style:
    """Keeps a mix under a name; the same name again makes its next version."""
    if missing := await PostgresInbox(connection).missing(sorted(references(style.mix.model_dump()))):
        raise NotFound("artwork", missing)
    return await catalogue.add_style(connection, style)
