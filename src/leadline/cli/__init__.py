"""The command line: `leadline COMMAND`."""
