"""Readers of the results of other tools, one file per source; all return `Trials`."""
