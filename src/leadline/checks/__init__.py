"""The checks of a fit: one file for each question, all of them functions of the evidence."""
