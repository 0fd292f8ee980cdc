"""Makes the starter checkpoint: art of permissive licences and procedural scenes in, measured weights out."""
