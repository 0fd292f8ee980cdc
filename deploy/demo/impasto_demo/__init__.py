"""The demonstration: real art through the whole platform, and a page that shows what came of it."""
