"""angiovox: 3D cerebral vessels from few X-ray views, as a volumetric denoising problem."""
