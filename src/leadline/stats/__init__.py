"""Answers: functions from the tree of a fit to a table or labelled array. They know no model."""
