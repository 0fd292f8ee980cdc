"""Style transfer with built-in styles, artworks as styles, and mixes of both."""
