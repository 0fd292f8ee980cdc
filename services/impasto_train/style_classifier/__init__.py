"""`train.style_classifier`: learns to tell hands or media apart on frozen features."""
