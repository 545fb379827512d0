"""The minimum over views with a threshold."""
