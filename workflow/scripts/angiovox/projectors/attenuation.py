"""Attenuation of X-rays: what a line integral of water and of contrast is in numbers."""

# ASSUME: attenuation per mm at about 60 keV, of water and of blood with undiluted contrast.
WATER, CONTRAST = 0.0205, 0.045
