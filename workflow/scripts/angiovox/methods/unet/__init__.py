"""A residual 3D U-Net within the visual hull, with refinement by the patient's own views."""
