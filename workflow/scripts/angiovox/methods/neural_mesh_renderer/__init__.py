"""A sphere that a network deforms until its silhouettes fit, after the neural mesh renderer."""
