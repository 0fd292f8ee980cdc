"""`evaluate.text_to_image`: whether a checkpoint draws what is asked, as asked, and nothing that it has by heart."""
