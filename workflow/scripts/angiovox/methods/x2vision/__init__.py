"""A style-based generator of vessels, frozen, whose latent is searched for each patient."""
