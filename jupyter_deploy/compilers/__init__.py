"""What can make a faster form of a model; one class for each framework, found by the framework's name."""
