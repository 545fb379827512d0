"""Tables, pages and records of a run."""
