"""What the model is asked: on which rows, what its answers mean, whether they hold; contract and golden rows come from it."""
