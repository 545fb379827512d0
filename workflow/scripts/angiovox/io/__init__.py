"""Files of volumes, models, meshes and tables; and how a patient's volume is found."""
