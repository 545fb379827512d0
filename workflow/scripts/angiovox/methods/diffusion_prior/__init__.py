"""A diffusion model of vessel masks, sampled under the views of each patient."""
