"""`train.text_to_image`: a model of one's own that draws from words."""
