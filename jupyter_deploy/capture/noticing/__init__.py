"""What a person should know before they trust a release, and where it came from; none of it stops a deploy."""
