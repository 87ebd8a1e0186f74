"""Tests for random search: order of the trials, set of configurations, distributions."""
