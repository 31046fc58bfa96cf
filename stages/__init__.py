"""The stages: one function a command, and what they share."""
