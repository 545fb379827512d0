"""A 3D U-Net that learns from the views alone, after the first stage of Zhao et al. 2022."""
