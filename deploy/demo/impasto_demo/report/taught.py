"""The sections about what the platform was taught: the works, the dataset, the training and its measure."""

from __future__ import annotations

from pathlib import Path

from impasto_demo.outcome import HandShown, Outcome
from impasto_demo.report.charts import curve, heat_map, intervals
from impasto_demo.report.markup import facts, section, text
from impasto_demo.report.pictures import embedded

_CHANGES = {
    "none": "As they are",
    "jpeg_q50": "JPEG, quality 50",
    "blur": "Blurred",
    "brightness": "Lighter, darker",
    "rotate_10": "Turned by 10°",
    "crop_90": "Cropped to 90 %",
    "greyscale": "Without colour",
    "noise": "Grainy",
}
_TILE_PX = 120


def works(outcome: Outcome, folder: Path, number: int) -> str:
    """The same subjects, hand by hand."""
    names = "".join(f"<span>{text(row.subject)}</span>" for row in outcome.contact_sheet)
    rows = "".join(_hand(hand, outcome, folder) for hand in outcome.hands)
    body = (
        f'<div class="contact">{rows}<div class="hand names"><b></b><div class="strip names">{names}</div></div></div>'
    )
    about = (
        "The same subjects as each hand drew them. A subject is never on both sides of the split, so whoever names the "
        "hand of a held-out picture has not seen its motif. The last hand was kept from the classifier, to "
        "measure whether the platform knows what it does not know."
    )
    return section(number, "The works", about, body)


def dataset(outcome: Outcome, number: int) -> str:
    """What became of the uploads."""
    made, told = outcome.dataset, outcome.upload
    drawn = sum(hand.pictures for hand in outcome.hands)
    pairs = [
        ("samples", f"{made.samples:,}"),
        ("shards", f"{made.shards:,}"),
        ("newly uploaded", f"{told.accepted:,}"),
        ("there already", f"{told.duplicate:,}"),
        ("drawn alike, kept once", f"{drawn - told.kept:,}"),
        ("refused", f"{told.refused + made.refused_count:,}"),
        ("captions mended", f"{made.captions_changed:,}"),
        ("captions cut", f"{made.captions_cut:,}"),
    ]
    split = (
        f'<div class="split" role="img" aria-label="train and validation"><i style="flex:{made.train}"></i>'
        f'<i style="flex:{made.validation}"></i></div>'
        f'<p class="key"><span><i></i>{made.train:,} to learn from</span>'
        f'<span><i class="warm"></i>{made.validation:,} held out</span></p>'
    )
    tags = sorted(made.top_tags.items(), key=lambda pair: (-pair[1], pair[0]))[:12]
    listed = "".join(f"<li>{text(tag)}<small>{count:,}</small></li>" for tag, count in tags)
    seen = f'<h3>What is to be seen, by the captions and the pictures</h3><ul class="tags">{listed}</ul>'
    body = f"{facts(pairs)}{split}{seen}"
    about = (
        f"Version {made.number} of <code>{text(made.dataset)}</code>, fixed by the digest of its manifest: "
        f"<code>{made.manifest_sha256[:12]}…</code>"
    )
    return section(number, "The dataset", about, body)


def training(outcome: Outcome, number: int) -> str:
    """How it learnt."""
    learnt = outcome.training
    pairs = [
        ("pictures learnt from", f"{learnt.train_samples:,}"),
        ("steps", f"{learnt.steps:,}"),
        ("loss at the end", f"{learnt.final_loss:.3f}"),
        ("temperature", f"{learnt.temperature:.2f}"),
    ]
    chart = curve(learnt.loss, "Cross-entropy on the training half, by step", "Loss by training step")
    body = f'<div class="pair"><div>{chart}</div><div>{facts(pairs)}</div></div>'
    about = (
        "A small classifier on the features of a frozen picture network. Its confidence is then set right on pictures "
        "kept back from the training half: that is the temperature."
    )
    return section(number, "Learning", about, body)


def measure(outcome: Outcome, number: int) -> str:
    """What it is worth on what it has not seen."""
    found = outcome.evaluation
    against = intervals(
        [
            ("Accuracy", found.accuracy, ""),
            ("Macro F1", found.macro_f1, ""),
            ("Colour alone", found.colour_baseline, "beside"),
            ("Commonest hand", found.majority_baseline, "beside"),
        ]
    )
    order = [name for name in _CHANGES if name in found.perturbations]
    order += [name for name in found.perturbations if name not in order]
    plain = found.perturbations.get("none")
    changed = intervals(
        [(_CHANGES.get(n, n.replace("_", " ")), found.perturbations[n].accuracy, "") for n in order],
        mark=plain.accuracy.value if plain else None,
    )
    tried = max((found.perturbations[name].accuracy.count for name in order), default=0)
    body = (
        f'<div class="pair"><div><h3>Rows: whose it was. Columns: whose it was said to be</h3>'
        f"{heat_map(found.classes, found.confusion)}</div>"
        f"<div><h3>Against simpler ways to guess</h3>{against}</div></div>"
        f"<h3>What is left when {tried:,} of the pictures are changed first</h3>{changed}"
    )
    about = (
        f"On {found.accuracy.count:,} pictures of subjects it never saw. Dots are measured, bands are 95 % bootstrap "
        "intervals. A checkpoint that nobody measured is refused by the platform unless one insists."
    )
    return section(number, "The measure", about, body)


def _hand(hand: HandShown, outcome: Outcome, folder: Path) -> str:
    tiles = ""
    for row in outcome.contact_sheet:
        path = row.pictures.get(hand.slug)
        uri = embedded(folder / path, _TILE_PX) if path else ""
        image = f'<img src="{uri}" alt="{text(row.subject)} by {text(hand.artist)}">' if path else ""
        tiles += f"<span>{image}</span>"
    kind = "" if hand.trained else " apart"
    role = "" if hand.trained else "<br>kept from the classifier"
    return (
        f'<div class="hand{kind}"><div><b>{text(hand.artist)}</b><small>{text(hand.author)}<br>{text(hand.licence)}'
        f' · {hand.pictures:,} pictures{role}</small></div><div class="strip">{tiles}</div></div>'
    )
