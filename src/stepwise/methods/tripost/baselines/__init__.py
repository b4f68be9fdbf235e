"""What TriPosT is compared with."""
