"""An agent's steps chosen by RATIONALYST (section 3.3) and by other choosers; `setup.prepare` is the way in."""
