"""The four methods; none imports another."""
