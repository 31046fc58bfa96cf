"""What passes between stages: typed, versioned, immutable folders."""
