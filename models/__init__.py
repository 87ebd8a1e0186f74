"""The models of Leadline, one a file."""
