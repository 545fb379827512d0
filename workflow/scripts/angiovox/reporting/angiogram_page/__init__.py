"""The page of a patient's reconstruction: views, model, what is known, what to take next."""
