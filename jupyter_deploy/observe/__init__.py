"""Step 6: look at what answers, and tell how it is: a running endpoint -> its samples."""
