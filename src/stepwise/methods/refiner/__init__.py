"""REFINER (arXiv 2304.01904): a generator writes intermediate steps, a critic says what is wrong with them."""
