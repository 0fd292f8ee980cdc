"""The reconciler: every job reaches an end, and no bell stays unheard."""
