"""DICOM, from a folder that may hold anything to one volume or one sentence, and back."""
