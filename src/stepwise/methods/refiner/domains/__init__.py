"""What REFINER knows of each task: its oracle, its error types and how to write a wrong solution of each type."""
