"""Pure: DataFrame to DataFrame (parse, refine, windows), frames to frames (gold), arrays to arrays (judging)."""
