"""Where the C-arm really stood, found from what its views measure alike."""
