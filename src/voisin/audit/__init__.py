"""What not to believe of a finished run: a file a check."""
