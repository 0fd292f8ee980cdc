"""The studio's routes that are no pages: health, pictures, previews and uploads."""
