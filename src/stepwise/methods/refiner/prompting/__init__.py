"""A language model as REFINER's generator, from examples in its prompts."""
