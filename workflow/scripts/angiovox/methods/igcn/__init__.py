"""A mean vessel surface that an image network and a graph network deform, after IGCN."""
