"""A radiance field's density alone, fitted to one patient's views."""
