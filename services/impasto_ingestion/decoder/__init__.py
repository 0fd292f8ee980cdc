"""Decodes hostile pictures: runs in a confined child process, imports Pillow and nothing else of weight."""
