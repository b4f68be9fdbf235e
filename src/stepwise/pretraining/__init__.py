"""How the tiny base models are trained from scratch: `base_model.make_base_model` is the way in."""
