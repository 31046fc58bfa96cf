"""The command line: turns a stage's signature into a command."""
