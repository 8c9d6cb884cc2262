"""The command line: one function per command, which parses and prints but computes nothing."""
