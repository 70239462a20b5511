"""Judging a run: the measures that its model's abilities allow, and the report that a person reads."""
