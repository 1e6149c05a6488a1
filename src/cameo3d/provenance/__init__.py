"""What says of every output that it is generated: signed credentials, and an invisible mark."""
