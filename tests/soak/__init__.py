"""`make soak`: a live server under hours of what users, networks and machines can do to it."""
