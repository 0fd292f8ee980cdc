"""An outcome with everything in it, and the pictures it names, for tests of the page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image

from impasto_demo.outcome import Outcome

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DIGEST = "ab" * 32
ULID = "0" * 26
HOSTILE = "<script>alert('it')</script>"


def measure(value: float, count: int = 40) -> dict[str, Any]:
    return {"value": value, "low": value - 0.05, "high": value + 0.05, "count": count}


def work(number: int, title: str, path: str) -> dict[str, str]:
    return {"artwork_id": f"art_{number}", "title": title, "artist": "A. Maker", "licence": "CC0-1.0", "path": path}


def job(title: str, start_s: float, seconds: float, worker: str = "one", attempts: int = 1) -> dict[str, Any]:
    return {
        "job_id": f"job_{title}",
        "kind": "generate.stylise",
        "title": title,
        "queued_at": START,
        "started_at": START + timedelta(seconds=start_s),
        "finished_at": START + timedelta(seconds=start_s + seconds),
        "attempts": attempts,
        "worker": worker,
    }


def graph(root: str, direction: str, works: int) -> dict[str, Any]:
    nodes: list[dict[str, Any]] = [{"id": root, "what": "checkpoint", "label": "hands", "licence": None, "depth": 0}]
    edges = []
    for number in range(works):
        name = f"art_{number}"
        licence = "MIT" if number % 3 else "CC-BY-4.0"
        nodes.append({"id": name, "what": "artwork", "label": f"Work {number}", "licence": licence, "depth": 1})
        ends = {"source": name, "target": root} if direction == "up" else {"source": root, "target": name}
        edges.append({**ends, "relation": "sampled_into", "job_id": "job_1"})
    return {"root": root, "direction": direction, "nodes": nodes, "edges": edges, "truncated": False}


def outcome(folder: Path, title: str = "Cat") -> Outcome:
    """`title` is the first photograph's."""
    paths = ("cat.png", "wind.png", "made.png", "large.png", "sheet.png", "icon-a.png", "icon-b.png")
    for number, path in enumerate(paths):
        Image.new("RGB", (40, 30), (30 * number, 90, 120)).save(folder / path)
    artifact = {"sha256": DIGEST, "media_type": "image/png", "size_bytes": 10}
    made = {"artifact": artifact, "width": 40, "height": 30, "compute_seconds": 0.5}
    hand = {"author": "Somebody", "url": "https://example.org/hand", "licence": "MIT", "pictures": 7}
    perturbed = {"accuracy": measure(0.6), "by_seed": [0.6], "spread": 0.0}
    return Outcome.model_validate(
        {
            "mode": "fast",
            "version": "0.1.0",
            "started_at": START,
            "seconds": 61.5,
            "stages": [("Draw", 1.5)],
            "hands": [
                {"slug": "a", "artist": "Ada", "name": "Ada's", "package": "a@1", "trained": True, **hand},
                {"slug": "b", "artist": "Bob", "name": "Bob's", "package": "b@1", "trained": False, **hand},
            ],
            "contact_sheet": [{"subject": "owl", "pictures": {"a": "icon-a.png", "b": "icon-b.png"}}],
            "upload": {"accepted": 14, "duplicate": 0, "refused": 0, "kept": 14, "seconds": 1.0},
            "photographs": {"cat": work(1, title, "cat.png"), "detail": work(2, "Detail", "cat.png")},
            "paintings": {"Wind": work(3, "Wind", "wind.png")},
            "dataset": {
                "dataset_version": f"dsv_{ULID}", "dataset": "hands", "number": 3, "manifest_sha256": DIGEST,
                "samples": 14, "train": 10, "validation": 4,
                "shards": 1, "captions_changed": 0, "captions_cut": 0, "refused": [],
                "refused_count": 0, "top_tags": {"bird": 4},
            },
            "training": {
                "checkpoint": f"ckp_{ULID}", "weights_sha256": DIGEST, "classes": ["Ada", "Cyd"], "train_samples": 9,
                "steps": 40, "temperature": 1.2, "final_loss": 0.25, "loss": [[20, 1.0], [40, 0.25]],
            },
            "evaluation": {
                "evaluation": f"evl_{ULID}", "samples": 40, "classes": ["Ada", "Cyd"], "accuracy": measure(0.8137),
                "macro_f1": measure(0.8), "ece": measure(0.071), "unknown_auroc": None,
                "confusion": [[18, 2], [5, 15]], "majority_baseline": measure(0.5),
                "colour_baseline": measure(0.61), "perturbations": {"blur": perturbed, "none": perturbed},
            },
            "stylised": [
                {"photograph": "cat", "styles": [["ember", "builtin", 1.0]], "job_id": "job_1", "path": "made.png",
                 "result": made},
                {"photograph": "cat", "styles": [["ember", "builtin", 0.5], ["Wind", "artwork", 1.0]],
                 "job_id": "job_2", "path": "made.png", "result": made},
            ],
            "enlargement": {"before": "cat.png", "after": "large.png", "factor": 4, "job_id": "job_3", "result": made},
            "analyses": [
                {
                    "title": "Owl", "path": "icon-a.png", "sheet": "sheet.png", "truth": "Ada", "job_id": "job_4",
                    "result": {
                        "palette": {}, "composition": {}, "quality": {}, "tags": {}, "nsfw": 0.0, "neighbours": [],
                        "style": {"label": "Ada", "unknown": False, "unknown_score": 0.1, "confidence": {"Ada": 0.9}},
                        "sheet": artifact, "compute_seconds": 0.4,
                    },
                }
            ],
            "timelines": [job("first", 0, 5), job("second", 5, 15, worker="two")],
            "traces": {
                "picture": graph(f"sha256:{DIGEST}", "up", 2),
                "checkpoint": graph("ckp_1", "up", 30),
                "work": graph("art_1", "down", 2),
            },
        }
    )  # fmt: skip
