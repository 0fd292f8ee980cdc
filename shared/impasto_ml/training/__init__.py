"""Training loops: plain generators that yield progress, stop when no longer asked, and repeat exactly with a seed."""
