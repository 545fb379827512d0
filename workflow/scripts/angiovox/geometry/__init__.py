"""Angles of the acquisition, affines, and resampling to the study's grid."""
