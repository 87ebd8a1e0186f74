"""The report of a fit: its numbers as a dictionary, and one HTML file that shows them."""
