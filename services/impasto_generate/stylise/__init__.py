"""`generate.stylise`: a picture redrawn in a style."""
