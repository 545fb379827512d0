"""From one X-ray to a volume: depth as channels, fused with the X-ray at full resolution."""
