"""The validated table of trials, and the tails that are cut from it."""
