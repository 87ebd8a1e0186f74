"""Readers of other tools' results, one file a source, all returning `Trials`."""
