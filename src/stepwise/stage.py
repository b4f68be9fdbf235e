"""What every stage shares: its command line, its declared parameters, one writer, atomic outputs, a tracked run."""
