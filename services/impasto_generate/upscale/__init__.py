"""`generate.upscale`: a picture enlarged with detail drawn in."""
