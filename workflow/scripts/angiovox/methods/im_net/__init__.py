"""An implicit field of one global code, or of local ones, after IM-NET."""
