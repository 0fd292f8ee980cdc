"""The studio's routes that are no pages: the way in, health, pictures, previews and uploads."""
