"""The report of a fit: its numbers as a dictionary, and one HTML file with text and pictures."""
