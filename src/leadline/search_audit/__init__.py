"""Was it a random search? Evidence from order, design and hyperparameters."""
