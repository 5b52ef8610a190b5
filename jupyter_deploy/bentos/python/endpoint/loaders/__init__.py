"""One module for each way in which a model is stored; each has `load(path)`, which gives the live model back."""
