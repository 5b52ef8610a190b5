"""What a notebook shows of an endpoint while it is looked at, and the picture that it keeps."""
