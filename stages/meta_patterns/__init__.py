"""Cases that verifiers get wrong, made by programs: CompassVerifier's meta-patterns, one file a family."""
