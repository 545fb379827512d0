"""Runs of X-ray angiography: XA DICOM to frames, geometry and attenuation, and back."""
