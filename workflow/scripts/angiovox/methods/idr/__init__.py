"""A signed distance function fitted to one patient's silhouettes, after IDR."""
