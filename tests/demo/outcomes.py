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


def from_words() -> dict[str, Any]:
    """Two prompts in two styles, before and after a training of 40 steps; the classifier knows one of the hands."""
    artifact = {"sha256": DIGEST, "media_type": "image/png", "size_bytes": 10}
    hands = ["Ada", "Bob"]

    def grid(styles: list[str]) -> dict[str, Any]:
        pictures = [
            {"artifact": artifact, "prompt": prompt, "style": style, "seed": 7, "width": 64, "height": 64}
            for prompt in (0, 1)
            for style in styles
        ]
        result = {"pictures": pictures, "grid": None, "waited_seconds": 0.1, "compute_seconds": 2.5}
        paths = [["made.png", "large.png"]] * 2
        return {"prompts": ["owl", HOSTILE], "styles": styles, "paths": paths, "job_id": "job_5", "result": result}

    scenes = {"colour": measure(0.7), "shape": measure(0.4), "place": measure(0.9), "every": None, "by_style": {}}
    return {
        "before": grid(["flat", "ink"]),
        "after": grid(hands),
        "places": {"owl": "validation", HOSTILE: ""},
        "training": {
            "checkpoint": f"ckp_{ULID}", "weights_sha256": DIGEST, "styles": ["flat", "ink", *hands], "pictures": 9,
            "steps": 40,
            "final_loss": 0.21, "last_step_loss": 0.2, "samples": [{"step": 40, "artifact": artifact}],
            "train_seconds": 20.0,
        },
        "training_job": "job_6",
        "loss": [(step, 1 / step) for step in range(1, 41)],
        "sample_prompts": ["owl", HOSTILE],
        "samples": [{"step": 40, "path": "sheet.png"}],
        "evaluation": {
            "evaluation": f"evl_{ULID}", "drawn": 32, "prompts": 8, "styles": hands, "encoder": "pretrained:e@1",
            "held_out_works": 4, "learnt_works": 9,
            "style": {"drawn": measure(0.625, 16), "by_style": {"Ada": measure(0.625, 16)}, "real": measure(0.85),
                      "real_by_style": {"Ada": measure(0.85)}},
            "scenes_held_out": scenes,
            "kid": measure(0.12),
            "copying": {"nearest": measure(0.7), "largest": 0.8, "real": measure(0.75), "threshold": 0.9,
                        "copy_rate": measure(0.06), "works": 9, "worst": []},
            "spread": {"seeds": None, "prompts": measure(0.3)},
            "stability": {"again": 0, "alone": 1, "requests": 8},
            "sheet": artifact, "copies": artifact, "report_sha256": DIGEST,
        },
        "traced": (0, 1),
        "trace": graph(f"sha256:{DIGEST}", "up", 30),
    }  # fmt: skip


def outcome(folder: Path, title: str = "Cat", *, starter: bool = True) -> Outcome:
    """`title` is the first photograph's; without `starter`, of a platform that has none."""
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
            "from_words": from_words() if starter else None,
            "timelines": [job("first", 0, 5), job("second", 5, 15, worker="two")],
            "traces": {
                "picture": graph(f"sha256:{DIGEST}", "up", 2),
                "checkpoint": graph("ckp_1", "up", 30),
                "work": graph("art_1", "down", 2),
            },
        }
    )  # fmt: skip
