"""The whole API under generated requests: none is answered 5xx, and none in a way that the document does not say."""
