"""`generate.text_to_image`: pictures drawn from words."""
