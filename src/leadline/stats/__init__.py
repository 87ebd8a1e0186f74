"""Answers: functions from the DataTree of a fit to labelled arrays, tables and sentences."""
