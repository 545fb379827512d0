"""The page of a study: surfaces that turn, slices, leaderboard and figures, without a network."""
