"""An agent's steps chosen by RATIONALYST (section 3.3) and in other ways."""
