"""How the tiny base models are made: `base_model` is what the stage calls."""
