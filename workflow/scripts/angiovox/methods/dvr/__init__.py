"""An occupancy network fitted to one patient's silhouettes, after DVR."""
