"""`analyse.artwork`: what a picture is made of, whose hand it is in, and which works are near it."""
